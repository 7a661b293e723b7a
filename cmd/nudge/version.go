package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of Nudge.
const release = "0.1.0"

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			built := "unknown Go"
			if info, ok := debug.ReadBuildInfo(); ok {
				built = info.GoVersion
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "nudge %s (%s)\n", release, built)
			return err
		},
	}
}
