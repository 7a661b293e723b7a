package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/gateway/auth/jwks"
)

// newConfigCommand is `nudge config`. A sub-command calls loader when it runs,
// after the flags are parsed, so that --config is known. The error is the
// problems, one per line, or a usageError.
func newConfigCommand(loader func() config.Loader) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("config: say what to do, check or print")}
		},
	}
	cmd.AddCommand(newConfigCheckCommand(loader), newConfigPrintCommand(loader))
	return cmd
}

func newConfigCheckCommand(loader func() config.Loader) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Tell whether nudge serve would take the configuration",
		Long: "Reads the configuration as nudge serve would, without starting anything.\n" +
			"Prints ok, or everything that is wrong with it, one problem a line.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := checkConfig(loader())
			if err != nil {
				return err
			}
			warn(cmd, loaded)
			name := loaded.Path
			if name == "" {
				name = "defaults and environment"
			}
			fmt.Fprintln(cmd.OutOrStdout(), name+": ok")
			return nil
		},
	}
}

func newConfigPrintCommand(loader func() config.Loader) *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in effect, and where each value comes from",
		Long: "Prints the configuration that follows from flags, environment, file and defaults, as a\n" +
			"config.yaml with the origin of each value beside it. Secrets are masked.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loader().Load()
			if err != nil {
				return err
			}
			warn(cmd, loaded)
			return loaded.Print(cmd.OutOrStdout())
		},
	}
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
