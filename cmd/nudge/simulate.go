package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/simulate"
	"nudge/cmd/nudge/terminal"
)

func newSimulateCommand() *cobra.Command {
	var o simulate.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate a fleet and its browsers, and what a fault would do",
		Long: "Simulates a fault with the real controller and a model of the browsers, in simulated time.\n" +
			"Reports the polls per second that reach the application, how old news is when pages\n" +
			"have it, and how many polls Nudge saves. Needs no network, no Redis and no configuration.\n\n" +
			"Scripts: " + strings.Join(simulate.Scripts(), ", ") + ".\n\n" +
			"The same seed gives the same result. Exit 1: a promise was broken.",
		Example: "  nudge simulate --script redis\n" +
			"  nudge simulate --script redis --capacity 1000\n" +
			"  nudge simulate --script steady --browsers 1000000\n" +
			"  nudge simulate --script kill --json > kill.json",
		Args: noArguments,
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&o.Script, "script", "steady", "what happens: "+strings.Join(simulate.Scripts(), ", "))
	fl.IntVar(&o.Browsers, "browsers", 30_000, "pages that are open; 0: 30000; 100000 for the script crowd")
	fl.Float64Var(&o.Hours, "hours", 1, "simulated hours to measure, after the fleet has settled")
	fl.Uint64Var(&o.Seed, "seed", 1, "of the random numbers")
	fl.IntVar(&o.Projects, "projects", 0, "projects that the pages watch; 0: one for every six pages")
	fl.Float64Var(&o.Advances, "advances", 0, "changes per second, over all projects; 0: one for every 1,000 pages; below 0: none")
	fl.IntVar(&o.Gateways, "gateways", 0, "gateways of the fleet; 0: three, and one more for every 100,000 pages")
	fl.BoolVar(&o.Settled, "settled", false, "no tab is opened, closed, hidden or put to sleep")
	fl.DurationVar(&o.Policy.Fast, "fast", 10*time.Second, "poll.fast")
	fl.DurationVar(&o.Policy.Slow, "slow", 5*time.Minute, "poll.slow")
	fl.DurationVar(&o.Policy.Longest, "longest", time.Minute, "poll.longest")
	fl.Float64Var(&o.Policy.Budget, "budget", 0, "poll.budget")
	fl.DurationVar(&o.Ramp, "ramp", time.Minute, "push.ramp")
	fl.DurationVar(&o.Latency, "latency", 50*time.Millisecond, "time that the application needs to answer")
	fl.Float64Var(&o.Capacity, "capacity", 0, "polls per second that the application answers; the others wait; 0: no limit")
	fl.BoolVar(&o.Off, "off", false, "push is switched off at the beginning: pages poll as without Nudge")
	fl.IntVar(&o.Connects, "connects", 0, "limits.connects_per_second of each gateway; 0: no limit")
	fl.BoolVar(&asJSON, "json", false, "print the result as one JSON object, with every second")
	completeValues(cmd, "script", simulate.Scripts()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Script == "crowd" && !fl.Changed("browsers") {
			o.Browsers = 100_000
		}
		if err := o.Check(); err != nil {
			return usageError{err}
		}
		progress := terminal.NewLine(cmd.ErrOrStderr())
		o.Progress = func(share float64) { progress.Show(fmt.Sprintf("simulating: %.0f %%", 100*share)) }
		result, err := simulate.Run(o)
		progress.Close()
		if err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if asJSON {
			err = terminal.WriteJSON(cmd.OutOrStdout(), result)
		} else {
			err = result.Print(cmd.OutOrStdout())
		}
		if err == nil && !result.OK() {
			err = errors.New("simulate: a promise was broken; the result says by how much")
		}
		return err
	}
	return cmd
}
