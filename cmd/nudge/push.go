package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
			"broken, set push.enabled: false in the configuration of each gateway instead.",
		Example: "  nudge push off --ramp 0s\n  nudge push on --percent 10\n  nudge push clear",
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what is stored as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		order.verb, order.warnings = args[0], cmd.ErrOrStderr()
		for _, name := range []string{"percent", "ramp"} { // perhaps a variable of a script that is not set
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
		return err
	}
	return cmd
}

// override returns the override to set, or nil for none.
func (p pushOrder) override() (*control.Override, error) {
	if p.percent != "" && p.verb != "on" {
		return nil, errors.New("--percent goes with on only: nudge push on --percent 10")
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
		o.Ramp = &ramp
	}
	return o, nil
}

// give stores o, or with status only reads, and returns what is stored afterwards.
func (p pushOrder) give(ctx context.Context, l config.Loader, o *control.Override) (control.FlagEntry, error) {
	var also []string
	if p.percent != "" {
		also = append(also, "auth.open")
	}
	source, c, err := emergencyRedis(l, p.warnings, "there is no fleet to switch; edit push.enabled in the configuration instead", also...)
	if err != nil {
		return control.FlagEntry{}, err
	}
	defer source.Close()
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

// pushText describes in one line what is stored.
func pushText(e control.FlagEntry) string {
	since := e.Time.Format("2006-01-02 15:04:05 UTC")
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
	if o.Enabled {
		b.Reset()
		b.WriteString("push is switched on for the whole fleet")
		if o.Percent != nil {
			fmt.Fprintf(&b, ", for %d percent of the subjects", *o.Percent)
		}
	}
	if o.Ramp != nil {
		fmt.Fprintf(&b, ", with a ramp of %s", config.FormatDuration(*o.Ramp))
	}
	fmt.Fprintf(&b, ", since %s; ", since)
	if o.Enabled {
		b.WriteString("gateways whose configuration says push.enabled: false stay off")
	} else {
		b.WriteString("nudge push clear removes this")
	}
	return b.String()
}
