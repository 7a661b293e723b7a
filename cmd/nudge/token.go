package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/version"
)

// tokenClaims are the claims of a token.
type tokenClaims struct {
	subject   string
	subscribe []string
	publish   []string
	revoke    []string
	id        string
	ttl       time.Duration
}

// sign signs a token with the claims, as an application would.
func (g tokenClaims) sign(auth config.Auth, now time.Time) (string, error) {
	for _, text := range slices.Concat(g.subscribe, g.publish, g.revoke) {
		if _, err := version.ParsePattern(text); err != nil {
			return "", usageError{err}
		}
	}
	names := auth.Claims
	claims := jwt.MapClaims{"aud": auth.Audience, "iat": now.Unix(), "exp": now.Add(g.ttl).Unix()}
	if auth.Issuer != "" {
		claims["iss"] = auth.Issuer
	}
	if g.subject != "" {
		claims[cmp.Or(names.Subject, "sub")] = g.subject
	}
	if len(g.subscribe) > 0 {
		claims[cmp.Or(names.Subscribe, "subscribe")] = g.subscribe
	}
	if len(g.publish) > 0 {
		claims[cmp.Or(names.Publish, "publish")] = g.publish
	}
	if len(g.revoke) > 0 {
		claims[cmp.Or(names.Revoke, "revoke")] = g.revoke
	}
	if g.id != "" {
		claims["jti"] = g.id
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secretBytes(auth.Secret)))
}

// asIssuer returns the configuration with which one of auth.issuers signs; "": the application itself.
func asIssuer(auth config.Auth, issuer string) (config.Auth, error) {
	if issuer == "" {
		switch {
		case auth.Secret != "":
			return auth, nil
		case auth.JWKS != "":
			return auth, errors.New("auth.jwks has public keys, and only its owner can sign; fetch a token from the identity provider")
		case len(auth.Issuers) > 0:
			return auth, errors.New("auth.secret is not set, so there is nothing to sign with; name one of auth.issuers with --issuer")
		}
		return auth, errors.New("auth.secret is not set, so there is nothing to sign with; set it in the configuration or as NUDGE_AUTH_SECRET")
	}
	at := slices.IndexFunc(auth.Issuers, func(i config.Issuer) bool { return i.Issuer == issuer && i.Secret != "" })
	if at < 0 {
		return auth, usageError{fmt.Errorf("--issuer %q has no secret in auth.issuers, so there is nothing to sign with; name one that has", issuer)}
	}
	one := auth.Issuers[at]
	auth.Issuer, auth.Secret, auth.Audience = issuer, one.Secret, cmp.Or(one.Audience, auth.Audience)
	return auth, nil
}

func newTokenCommand(loader func() config.Loader) *cobra.Command {
	var g tokenClaims
	var issuer string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Sign a token, for tests by hand; or check one",
		Long: "Prints a token signed with auth.secret, and nothing else. In production the\n" +
			"application signs tokens; this command is for terminals and scripts.",
		Example: "  curl -N -H \"Authorization: Bearer $(nudge token --subscribe 42)\" \\\n    'http://127.0.0.1:8080/events?project=42'",
		Args:    noArguments,
	}
	cmd.Flags().StringSliceVar(&g.subscribe, "subscribe", nil, "projects it may subscribe to, such as 42,team-* or '*'")
	cmd.Flags().StringSliceVar(&g.publish, "publish", nil, "projects it may publish over HTTP")
	cmd.Flags().StringSliceVar(&g.revoke, "revoke", nil, "projects whose access it may revoke over HTTP; '*': everything")
	cmd.Flags().StringVar(&g.id, "jti", "", "its id, by which it can be revoked")
	cmd.Flags().StringVar(&g.subject, "sub", "", "the user it is for")
	cmd.Flags().DurationVar(&g.ttl, "ttl", time.Hour, "how long the token is valid")
	cmd.Flags().StringVar(&issuer, "issuer", "", "sign as this one of auth.issuers, with its secret")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the token and when it expires (exp) as JSON")
	cmd.AddCommand(newTokenCheckCommand(loader))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if len(g.subscribe)+len(g.publish)+len(g.revoke) == 0 {
			return usageError{fmt.Errorf("the token would allow nothing; add --subscribe, --publish or --revoke")}
		}
		if g.ttl < time.Second {
			return usageError{fmt.Errorf("--ttl %v is below 1s; write 1s or more", g.ttl)}
		}
		l := loader()
		l.Only = []string{"auth"}
		loaded, err := l.Load()
		if err != nil {
			return err
		}
		signer, err := asIssuer(loaded.Config.Auth, issuer)
		if err != nil {
			return err
		}
		now := time.Now()
		token, err := g.sign(signer, now)
		if err != nil {
			return err
		}
		if asJSON {
			return terminal.WriteJSON(cmd.OutOrStdout(), struct {
				Token   string `json:"token"`
				Expires int64  `json:"exp"`
			}{token, now.Add(g.ttl).Unix()})
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
		return err
	}
	return cmd
}
