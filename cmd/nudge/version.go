package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of Nudge.
const release = "0.1.0"

// commit is set by the linker in make release; a + at its end: with changes. "": what Go itself notes of the commit counts.
var commit string

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

// versionText says what was built, from which commit if that is known, and with which Go.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "nudge " + release
	}
	noted := map[string]string{}
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	of := commit
	if revision := noted["vcs.revision"]; of == "" && revision != "" {
		of = revision[:min(len(revision), 12)]
		if noted["vcs.modified"] == "true" {
			of += "+"
		}
	}
	if of != "" {
		of = ", commit " + of
	}
	return fmt.Sprintf("nudge %s (%s%s)", release, info.GoVersion, of)
}
