// Command nudge is the gateway that lets an application that polls switch to push, and back. It has the server, the demo,
// and commands that publish, watch, sign tokens, measure and simulate.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/version/redis"
)

// Exit codes.
const (
	exitFailed = 1 // bad configuration included
	exitUsage  = 2
)

func main() {
	limitMemory()
	redis.Quiet()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its arguments and outputs as parameters. Results go to stdout, everything else to stderr.
func run(args []string, stdout, stderr io.Writer) (exit int) {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintf(stderr, "nudge: the configuration is refused:\n%s\n", terminal.Lines(problems.Error()))
		return exitFailed
	}
	fmt.Fprintln(stderr, "nudge: "+terminal.Lines(err.Error())) // it may have text of a gateway or of Redis
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(stderr, "nudge help lists the commands, nudge help COMMAND the flags of one")
		return exitUsage
	}
	return exitFailed
}

func newRootCommand() *cobra.Command {
	var file string
	root := &cobra.Command{
		Use:   "nudge",
		Short: "Lets an application that polls switch to push, and back at any moment",
		Long: "Nudge tells browsers that a project has a newer version. The browsers then poll the\n" +
			"application, and get the change from it. While push is proven healthy they poll\n" +
			"rarely. Otherwise they poll at their old pace.",
		Example:       "  nudge demo\n  nudge serve --config /etc/nudge/config.yaml\n  nudge status --watch",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		Version:       versionText(),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&file, "config", "", "configuration file, or none to read no file (or NUDGE_CONFIG; default ./config.yaml if it exists)")
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCommand())
	root.SetVersionTemplate("{{.Version}}\n")
	loader := func() config.Loader { return config.Loader{Path: file} }
	root.AddCommand(
		newServeCommand(loader), newDemoCommand(), newPublishCommand(loader), newWatchCommand(loader), newStatusCommand(loader),
		newDoctorCommand(loader),
		newPushCommand(loader), newRevokeCommand(loader),
		newTokenCommand(loader), newLoadCommand(loader), newLoadWorkerCommand(), newSimulateCommand(), newAuditCommand(), newConfigCommand(loader), newVersionCommand(), newCompletionCommand(),
	)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // hardly any argument is a file
	complete(root, "config", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	})
	return root
}

// How much garbage may collect, in percent of the memory in use (GOGC). Idle streams make hardly any garbage, so an early
// collection costs nothing and keeps the process small. When many streams connect at once, each makes seven kilobytes: with
// gcIdle their connects took a tenth longer. With gcBurst all the time, 584 B of each stream stayed in one run of three.
const (
	gcIdle  = 50
	gcBurst = 100
)

// limitMemory makes the process small, unless the environment says otherwise. Call it before anything else.
func limitMemory() {
	// The heap profile's bookkeeping needs more memory than 10,000 idle streams. With GODEBUG=memprofilerate=524288
	// the runtime has already switched it on.
	if !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
	setGC(gcIdle)
}

// setGC sets the share of garbage, unless GOGC in the environment has.
func setGC(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// connectBurst follows gateway.Options.ConnectBurst. Memory that the burst needed is returned to the system afterwards.
func connectBurst(begins bool) {
	if begins {
		setGC(gcBurst)
		return
	}
	setGC(gcIdle)
	debug.FreeOSMemory()
}
