package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
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
	claims := jwt.MapClaims{"aud": auth.Audience, "iat": now.Unix(), "exp": now.Add(g.ttl).Unix()}
	if auth.Issuer != "" {
		claims["iss"] = auth.Issuer
	}
	if g.subject != "" {
		claims["sub"] = g.subject
	}
	if len(g.subscribe) > 0 {
		claims["subscribe"] = g.subscribe
	}
	if len(g.publish) > 0 {
		claims["publish"] = g.publish
	}
	if len(g.revoke) > 0 {
		claims["revoke"] = g.revoke
	}
	if g.id != "" {
		claims["jti"] = g.id
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(auth.Secret))
}

func newTokenCommand(loader func() config.Loader) *cobra.Command {
	var g tokenClaims
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Sign a token, for tests by hand",
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
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if len(g.subscribe)+len(g.publish)+len(g.revoke) == 0 {
			return usageError{fmt.Errorf("the token would allow nothing; add --subscribe, --publish or --revoke")}
		}
		if g.ttl < time.Second {
			return usageError{fmt.Errorf("--ttl %v is below 1s; write 1s or more", g.ttl)}
		}
		loaded, err := loader().Load()
		if err != nil {
			return err
		}
		if loaded.Config.Auth.Secret == "" {
			return fmt.Errorf("auth.secret is not set, so there is nothing to sign with; set it in the configuration or as NUDGE_AUTH_SECRET")
		}
		token, err := g.sign(loaded.Config.Auth, time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
		return err
	}
	return cmd
}
