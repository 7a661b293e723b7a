package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/audit"
	"nudge/cmd/nudge/terminal"
)

func newAuditCommand() *cobra.Command {
	var asJSON bool
	var htmlFile string
	cmd := &cobra.Command{
		Use:   "audit FILE...",
		Short: "Find the pages that poll in access logs, and what Nudge would save",
		Long: "Reads access logs, finds the paths that pages poll, how often and with how many empty\n" +
			"answers, and simulates the same pages with Nudge. Needs no gateway, no Redis and no\n" +
			"configuration. Nothing leaves this machine.\n\n" +
			"Formats: nginx and Apache combined or common, JSON of Caddy and Traefik, AWS load balancers\n" +
			"(ALB), Rails lograge; plain, gzip or zstd. The parts of a rotated log can be named in any\n" +
			"order. - is standard input.",
		Example: "  nudge audit /var/log/nginx/access.log*\n" +
			"  zcat access.log.gz | nudge audit -\n" +
			"  nudge audit --html polling.html access.log",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("name an access log, or - for standard input")}
			}
			return nil
		},
	}
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault // files
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as one JSON object")
	cmd.Flags().StringVar(&htmlFile, "html", "", "write the report to this file too, as one HTML page with a chart")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		progress := terminal.NewLine(cmd.ErrOrStderr())
		report, err := audit.Run(audit.Options{Files: args, Stdin: cmd.InOrStdin(), Progress: func(read, all int64) {
			if all > 0 {
				progress.Show(fmt.Sprintf("reading: %.0f %%", 100*float64(read)/float64(all)))
			} else {
				progress.Show(fmt.Sprintf("reading: %d MB", read/1e6))
			}
		}})
		progress.Close()
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		if htmlFile != "" {
			if err := writeHTML(htmlFile, report); err != nil {
				return fmt.Errorf("audit: --html: %w", err)
			}
		}
		if asJSON {
			return terminal.WriteJSON(cmd.OutOrStdout(), report)
		}
		return report.Print(cmd.OutOrStdout())
	}
	return cmd
}

// writeHTML writes the page of a report to a file.
func writeHTML(name string, report *audit.Report) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = report.HTML(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
