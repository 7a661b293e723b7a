package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
)

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
