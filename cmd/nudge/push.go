package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/version/control"
)

// pushOrder holds the arguments of nudge push. An empty string means that the flag was not given.
type pushOrder struct {
	verb, percent, ramp string
	rampTo, over, guard string    // of a rollout
	warnings            io.Writer // where to say what is wrong with the rest of the configuration
}

func newPushCommand(loader func() config.Loader) *cobra.Command {
	var order pushOrder
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "push on|off|clear|status",
		Short: "Switch push on or off for the whole fleet",
		Long: "Overrides the flag of all gateways at once, through the configured Redis. Gateways that\n" +
			"start later obey too. clear removes the override: each gateway then uses its own\n" +
			"configuration again. A gateway with push.enabled: false in its configuration stays off.\n" +
			"Reads only the redis section (with --percent also auth.open), so mistakes elsewhere do not matter.\n\n" +
			"off --ramp 0s is the kill switch: all streams end at once, and all pages poll at the fast\n" +
			"interval. Without --ramp the change is spread over push.ramp of each gateway. If Redis is\n" +
			"broken, set push.enabled: false in the configuration of each gateway instead.\n\n" +
			"on --ramp-to 100 is a rollout: it begins with 1 percent, or --percent, and gateways raise\n" +
			"that to 2, 5, 10, 20, 50 and the goal, spread over --over. Each step waits until push is\n" +
			"healthy and has brought news. If a guard finds a fault, push is switched off for everybody:\n" +
			"  missed     polls found more than 1 % of the changes before push announced them\n" +
			"  staleness  more than 1 % of the changes were spread over more time than poll.fast\n" +
			"  polls      changes caused more polls than push saved\n" +
			"Any other nudge push on, off or clear ends the rollout.",
		Example: "  nudge push off --ramp 0s\n  nudge push on --percent 10\n  nudge push on --ramp-to 100 --over 2d\n  nudge push clear",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains([]string{"on", "off", "clear", "status"}, args[0]) {
				return usageError{errors.New("push: say what to do: on, off, clear or status")}
			}
			return nil
		},
	}
	cmd.ValidArgs = []cobra.Completion{
		cobra.CompletionWithDesc("on", "override the flag of all gateways"),
		cobra.CompletionWithDesc("off", "the kill switch: with --ramp 0s all at once"),
		cobra.CompletionWithDesc("clear", "remove the override"),
		cobra.CompletionWithDesc("status", "show the override"),
	}
	cmd.Flags().StringVar(&order.percent, "percent", "", "with on: percentage of the subjects that get push, 0 to 100, instead of push.percent")
	cmd.Flags().StringVar(&order.ramp, "ramp", "", "with on and off: time over which the change takes effect, up to 24h, instead of push.ramp; 0s: at once")
	cmd.Flags().StringVar(&order.rampTo, "ramp-to", "", "with on: percentage that a rollout ends at, 1 to 100")
	cmd.Flags().StringVar(&order.over, "over", "", "with --ramp-to: time from the first step to the last, such as 90m or 2d (default 2d)")
	cmd.Flags().StringVar(&order.guard, "guard", "", "with --ramp-to: what switches push off again, of "+strings.Join(control.GuardNames(), ", ")+", or none (default all three)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what is stored as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		order.verb, order.warnings = args[0], cmd.ErrOrStderr()
		for _, name := range []string{"percent", "ramp", "ramp-to", "over", "guard"} { // perhaps a variable of a script that is not set
			if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
				return usageError{fmt.Errorf("--%s is empty; give it a value, or leave it out", name)}
			}
		}
		o, err := order.override()
		if err != nil {
			return usageError{err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), publishTimeout)
		defer cancel()
		entry, err := order.give(ctx, loader(), o)
		if err != nil {
			return err
		}
		if asJSON {
			return terminal.WriteJSON(cmd.OutOrStdout(), entry)
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), pushText(entry))
		if err == nil && o != nil && o.Rollout != nil {
			_, err = fmt.Fprint(cmd.OutOrStdout(), scheduleText(entry))
		}
		return err
	}
	return cmd
}

// override returns the override to set, or nil for none.
func (p pushOrder) override() (*control.Override, error) {
	switch {
	case p.percent != "" && p.verb != "on":
		return nil, errors.New("--percent goes with on only: nudge push on --percent 10")
	case p.rampTo != "" && p.verb != "on":
		return nil, errors.New("--ramp-to goes with on only: nudge push on --ramp-to 100")
	case p.rampTo == "" && (p.over != "" || p.guard != ""):
		return nil, errors.New("--over and --guard go with --ramp-to: nudge push on --ramp-to 100 --over 2d")
	}
	if p.verb != "on" && p.verb != "off" {
		if p.ramp != "" {
			return nil, errors.New("--ramp goes with on and off only; with clear, push.ramp of each gateway counts")
		}
		return nil, nil
	}
	o := &control.Override{Enabled: p.verb == "on"}
	if p.percent != "" {
		value, err := config.Parse("push.percent", p.percent)
		if err != nil {
			return nil, fmt.Errorf("--percent: %w", err)
		}
		percent := value.(int)
		o.Percent = &percent
	}
	if p.ramp != "" {
		value, err := config.Parse("push.ramp", p.ramp)
		if err != nil {
			return nil, fmt.Errorf("--ramp: %w", err)
		}
		ramp := value.(time.Duration)
		o.Ramp = (*control.Millis)(&ramp)
	}
	if p.rampTo != "" {
		if err := p.rollout(o); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// rollout makes o the first step of a rollout.
func (p pushOrder) rollout(o *control.Override) error {
	goal, err := config.Parse("push.percent", p.rampTo)
	if err != nil {
		return fmt.Errorf("--ramp-to: %w", err)
	}
	first := 1
	if o.Percent == nil {
		o.Percent = &first
	}
	if *o.Percent < 1 || *o.Percent >= goal.(int) {
		return fmt.Errorf("--ramp-to: %d is not above the first step of %d percent; with --percent, which is 1 at least, it may begin elsewhere", goal, *o.Percent)
	}
	over, err := parseDays(cmp.Or(p.over, "2d"))
	if err != nil {
		return fmt.Errorf("--over: %w", err)
	}
	steps := control.Steps(*o.Percent, goal.(int))
	o.Rollout = &control.Rollout{Goal: goal.(int), Step: control.Millis((over / time.Duration(len(steps)-1)).Truncate(time.Millisecond)), Guards: control.Guards()}
	if err := o.Rollout.Check(); err != nil {
		return fmt.Errorf("--over: too short or too long for %d steps: %w", len(steps)-1, err)
	}
	if p.guard != "" {
		o.Rollout.Guards = []control.Guard{}
		for _, name := range strings.Split(p.guard, ",") {
			if p.guard != "none" {
				o.Rollout.Guards = append(o.Rollout.Guards, control.Guard(strings.TrimSpace(name)))
			}
		}
	}
	if err := o.Rollout.Check(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	return nil
}

// parseDays parses a duration such as 90m or 2d.
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n > 0 && n <= 365 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%.32q is no time; write one such as 90m, 12h or 2d", text)
}

// give stores o, or with status only reads, and returns what is stored afterwards.
func (p pushOrder) give(ctx context.Context, l config.Loader, o *control.Override) (control.FlagEntry, error) {
	var also []string
	if p.percent != "" || p.rampTo != "" {
		also = append(also, "auth.open")
	}
	source, c, err := emergencyRedis(l, p.warnings, "there is no fleet to switch; set NUDGE_REDIS_URL to the Redis of the gateways, or edit push.enabled in the configuration", also...)
	if err != nil {
		return control.FlagEntry{}, err
	}
	defer source.Close()
	if c.Auth.Open && o != nil && o.Rollout != nil {
		return control.FlagEntry{}, usageError{errors.New(
			"--ramp-to: with auth.open nobody has a subject, so a percentage would exclude everybody; write nudge push on")}
	}
	if c.Auth.Open && o != nil && o.Percent != nil && *o.Percent > 0 && *o.Percent < 100 {
		return control.FlagEntry{}, usageError{errors.New(
			"--percent: with auth.open nobody has a subject, so a percentage would exclude everybody; write 100, or nudge push off")}
	}
	if p.verb == "status" {
		told, err := source.Control(ctx)
		return told.Flag, err
	}
	entry, err := source.SetFlag(ctx, o)
	if err != nil && p.verb == "off" {
		err = fmt.Errorf("%w; until then, set push.enabled: false in the configuration of each gateway", err)
	}
	return entry, err
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// scheduleText lists the steps of a rollout that has just begun, and says how to follow it.
func scheduleText(e control.FlagEntry) string {
	var b strings.Builder
	r := e.Override.Rollout
	for i, percent := range control.Steps(*e.Override.Percent, r.Goal) {
		if i == 0 {
			fmt.Fprintf(&b, "%5d percent  now\n", percent)
		} else {
			fmt.Fprintf(&b, "%5d percent  from %s on\n", percent, moment(e.Time.Add(time.Duration(control.Millis(i)*r.Step))))
		}
	}
	b.WriteString("Each step waits until push is healthy and has brought news. ")
	if len(r.Guards) == 0 {
		b.WriteString("No guard switches push off.\n")
	} else {
		names := make([]string, len(r.Guards))
		for i, g := range r.Guards {
			names[i] = string(g)
		}
		fmt.Fprintf(&b, "Push is switched off again if a guard finds a fault: %s.\n", strings.Join(names, ", "))
	}
	b.WriteString("Follow it with nudge push status, and nudge status, which says what a step waits for. nudge push off ends it.\n")
	return b.String()
}

// pushText describes in one line what is stored.
func pushText(e control.FlagEntry) string {
	since := moment(e.Time)
	o := e.Override
	if o == nil {
		text := "no override: each gateway uses its own configuration"
		if e.Seq > 0 {
			text += ", since " + since
		}
		return text
	}
	var b strings.Builder
	b.WriteString("push is switched off for the whole fleet")
	if o.Why != "" {
		b.WriteString(", since a guard ended the rollout (" + printable(o.Why) + ")")
	}
	if o.Enabled {
		b.Reset()
		b.WriteString("push is switched on for the whole fleet")
		if o.Percent != nil {
			fmt.Fprintf(&b, ", for %d percent of the subjects", *o.Percent)
		}
		if r := o.Rollout; r != nil {
			fmt.Fprintf(&b, ", on the way to %d percent", r.Goal)
			if steps := control.Steps(*o.Percent, r.Goal); len(steps) > 1 {
				fmt.Fprintf(&b, " (%d percent not before %s)", steps[1], moment(e.Time.Add(time.Duration(r.Step))))
			}
		}
	}
	if o.Ramp != nil {
		fmt.Fprintf(&b, ", with a ramp of %s", config.FormatDuration(time.Duration(*o.Ramp)))
	}
	fmt.Fprintf(&b, ", since %s; ", since)
	if o.Enabled {
		b.WriteString("gateways whose configuration says push.enabled: false stay off")
	} else {
		b.WriteString("nudge push clear removes this")
	}
	return b.String()
}
