package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/terminal"
)

// release is the version of Nudge.
const release = "0.1.0"

// commit is set by the linker in make release; a + at its end: with changes. "": what Go itself notes of the commit counts.
var commit string

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints the version of Nudge, the commit that it was built from if that is known, and the\nversion of Go.",
		Example: "  nudge version --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return terminal.WriteJSON(cmd.OutOrStdout(), builtFrom())
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the version as JSON")
	return cmd
}

// build is what this program was built from.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // "" if it is not known
	Go      string `json:"go"`
}

func builtFrom() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{release, commit, runtime.Version()}
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
	return build{release, of, info.GoVersion}
}

// versionText is builtFrom for people.
func versionText() string {
	b, of := builtFrom(), ""
	if b.Commit != "" {
		of = ", commit " + b.Commit
	}
	return fmt.Sprintf("nudge %s (%s%s)", b.Version, b.Go, of)
}
