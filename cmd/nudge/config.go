package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/gateway/auth/jwks"
)

// newConfigCommand is `nudge config`. A sub-command calls loader when it runs,
// after the flags are parsed, so that --config is known. The error is the
// problems, one per line, or a usageError.
func newConfigCommand(loader func() config.Loader) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration",
		Long: "Says whether nudge serve would take the configuration (check), or what it consists of\n" +
			"(print).",
		Example: "  nudge config check --config /etc/nudge/config.yaml\n  nudge config print",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("config: say what to do, check or print")}
		},
	}
	cmd.AddCommand(newConfigCheckCommand(loader), newConfigPrintCommand(loader))
	return cmd
}

func newConfigCheckCommand(loader func() config.Loader) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell whether nudge serve would take the configuration",
		Long: "Reads the configuration as nudge serve would, without starting anything.\n" +
			"Prints ok, or everything that is wrong with it, one problem a line.\n\n" +
			"Exit 1: the configuration is refused.",
		Example: "  nudge config check --config /etc/nudge/config.yaml\n  nudge config check --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := checkConfig(loader())
			if asJSON {
				return checkedJSON(cmd.OutOrStdout(), loaded, err)
			}
			if err != nil {
				return err
			}
			warn(cmd, loaded)
			name := loaded.Path
			if name == "" {
				name = "defaults and environment"
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), name+": ok")
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// checkedJSON writes the result of nudge config check as JSON, and returns the error of it.
func checkedJSON(w io.Writer, loaded *config.Loaded, err error) error {
	result := struct {
		OK       bool            `json:"ok"`
		Path     string          `json:"path"` // the file; "" if none was read, or if there are problems, which name it
		Warnings []string        `json:"warnings"`
		Problems config.Problems `json:"problems"`
	}{OK: err == nil, Warnings: []string{}, Problems: config.Problems{}}
	if err != nil && !errors.As(err, &result.Problems) {
		return err
	}
	if err == nil {
		result.Path, result.Warnings = loaded.Path, append(result.Warnings, loaded.Warnings...)
	}
	return cmp.Or(terminal.WriteJSON(w, result), err)
}

func newConfigPrintCommand(loader func() config.Loader) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in effect, and where each value comes from",
		Long: "Prints the configuration that follows from flags, environment, file and defaults, as a\n" +
			"config.yaml with the origin of each value beside it. Secrets are masked.",
		Example: "  nudge config print\n  nudge config print --json | jq '.\"poll.fast\"'",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loader().Load()
			if err != nil {
				return err
			}
			warn(cmd, loaded)
			if asJSON {
				values, err := loaded.Values()
				if err != nil {
					return err
				}
				return terminal.WriteJSON(cmd.OutOrStdout(), values)
			}
			return loaded.Print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each key with its value and origin as JSON")
	return cmd
}

// checkConfig loads the configuration for serving, whatever the loader is for.
func checkConfig(loader config.Loader) (*config.Loaded, error) {
	loader.Purpose = config.ForServing
	loaded, err := loader.Load()
	if err != nil {
		return nil, err
	}
	return loaded, checkKeyFiles(loaded)
}

// checkKeyFiles reads the key sets that are files, and says what is wrong with them. Key servers are not asked: serve starts
// without them too.
func checkKeyFiles(loaded *config.Loaded) error {
	var problems config.Problems
	check := func(key, source string) {
		if source == "" || strings.Contains(source, "://") {
			return
		}
		if _, err := jwks.NewKeeper(nil, slog.New(slog.DiscardHandler)).Open(context.Background(), false, source); err != nil {
			problems = append(problems, config.Problem{Where: loaded.Origins[key], Key: key, Text: err.Error()})
		}
	}
	check("auth.jwks", loaded.Config.Auth.JWKS)
	for _, i := range loaded.Config.Auth.Issuers {
		check("auth.issuers", i.JWKS)
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

func warn(cmd *cobra.Command, loaded *config.Loaded) {
	for _, warning := range loaded.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+warning)
	}
}
