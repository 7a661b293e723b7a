package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
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

// largestToken is how much is read from standard input: no request carries more.
const largestToken = 1 << 20

func newTokenCheckCommand(loader func() config.Loader) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check TOKEN",
		Short: "Tell what a gateway would say of a token, and why",
		Long: "Examines a token as a gateway with this configuration would, in the same order, and\n" +
			"says all that is wrong with it and what to do. It reads the keys of auth.jwks and\n" +
			"auth.issuers, and looks at no revocations. It never prints the token or a secret. With -\n" +
			"it reads the token from standard input, so that it is in no list of processes.\n\n" +
			"The exit code is 0 if the token is accepted, and 1 if it is not.",
		Example: "  pbpaste | nudge token check -\n  nudge token --subscribe 42 | nudge token check -",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("token check: give one token, or - to read it from standard input")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		token := args[0]
		if token == "-" {
			text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), largestToken))
			if err != nil {
				return fmt.Errorf("read the token: %w", err)
			}
			token = string(text)
		}
		l := loader()
		l.Only = []string{"auth", "base_path"}
		loaded, err := l.Load()
		if err != nil {
			return err
		}
		report, err := checkToken(cmd.Context(), loaded.Config, strings.TrimSpace(token), cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if asJSON {
			err = terminal.WriteJSON(cmd.OutOrStdout(), report)
		} else {
			_, err = io.WriteString(cmd.OutOrStdout(), reportText(report))
		}
		if err == nil && !report.Good {
			err = fmt.Errorf("a gateway would refuse this token: %s", report.Code)
		}
		return err
	}
	return cmd
}

// checkToken reads all keys, and examines the token. A key server that does not answer is a warning: the token may be of another.
func checkToken(ctx context.Context, c *config.Config, token string, warnings io.Writer) (auth.Report, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	settings, log := authSettings(&c.Auth), slog.New(slog.DiscardHandler)
	var sets []*jwks.Set
	for _, source := range settings.Sources() {
		set, err := jwks.NewKeeper(nil, log).Open(ctx, false, source)
		if err != nil {
			fmt.Fprintf(warnings, "warning: the keys cannot be read from %v\n", err)
			if set, err = jwks.NewKeeper(nil, log).Open(ctx, true, source); err != nil {
				return auth.Report{}, err
			}
		}
		sets = append(sets, set...)
	}
	places := auth.Places{Cookie: auth.Jar{Name: c.Auth.Cookie, Path: c.BasePath}, Query: c.Auth.Query}
	return auth.NewVerifier(settings, places, sets, log).Explain(token), nil
}

// reportText is a report for people: a line for each check, and below it what to do.
func reportText(r auth.Report) string {
	var text strings.Builder
	for _, f := range r.Findings {
		mark := "ok"
		if !f.Good {
			mark = "NO"
		}
		fmt.Fprintf(&text, "%-10s %s  %s\n", f.Check, mark, f.Says)
		if f.Fix != "" {
			fmt.Fprintf(&text, "%-10s     %s\n", "", f.Fix)
		}
	}
	if r.Good {
		text.WriteString("accepted, unless it is revoked\n")
	}
	return text.String()
}
