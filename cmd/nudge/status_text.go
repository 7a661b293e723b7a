package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"nudge/cmd/nudge/terminal"
	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/pace"
	"nudge/gateway/shadow"
	"nudge/gateway/status"
	"nudge/gateway/stream"
	"nudge/internal/quantity"
)

// gatewayStatus is an answer of /status.
type gatewayStatus struct{ gateway.Status }

// print writes the page. Text from other gateways goes to a terminal, so it is made printable.
func (s *gatewayStatus) print(w io.Writer, now time.Time) error {
	var page strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&page, format+"\n", args...) }
	line("%s (%s), nudge %s, up %v, %s",
		printable(s.Node), printable(s.Instance), printable(s.Version), since(s.Started, now), printable(s.Phase))
	line("push is %s", s.push(now))
	if a := s.advice(); a != nil {
		line("what to do: %s", printable(a.Do))
	}
	line("browsers poll every %v with a proven stream, every %v without; heartbeats every %v",
		ms(s.PollMS), ms(s.FastMS), ms(s.HeartbeatMS))
	line("%s, %s of them without a stream; polls per second: %s allowed, %s without news",
		quantity.Of(s.Browsers, "browser"), quantity.Number(s.Polling), quantity.Number(s.Capacity), quantity.Number(math.Ceil(s.Interval)))
	line("polls for news that are still to come: %s; push is trusted at step %d of %d", quantity.Number(s.Backlog), s.Step, fallback.Trusted)
	line("the flag is %s", s.flag())
	line("%s, %s", quantity.Of(s.Streams, "stream"), quantity.Of(s.Projects, "project"))
	if c := s.Connections; c != nil {
		text := fmt.Sprintf("connections: %s of %s places are taken", quantity.Number(c.Open), quantity.Number(c.Places))
		if c.Refused > 0 {
			text += fmt.Sprintf("; refused, because their address had too many: %s", quantity.Of(c.Refused, "connection"))
		}
		line("%s", text)
	}
	if len(s.Limited) > 0 {
		var counts []string
		for _, name := range slices.Sorted(maps.Keys(s.Limited)) {
			counts = append(counts, fmt.Sprintf("%s %s", printable(name), quantity.Number(s.Limited[name])))
		}
		line("requests refused by limits since the start: %s", strings.Join(counts, ", "))
	}
	if s.Revocations > 0 {
		line("revocations in force: %d; nudge revoke list shows them", s.Revocations)
	}
	if s.Refusing != "" {
		line("new streams are refused: %s", printable(s.Refusing))
	}
	if m := s.Missed; m.Publisher+m.Deaf+m.Delivery > 0 {
		line("missed news that polls found: %s never published, %s not heard here, %s not delivered",
			quantity.Number(m.Publisher), quantity.Number(m.Deaf), quantity.Number(m.Delivery))
	}
	if s.Missed.Data > 0 {
		line("pushed data that differed from the application's answer: %s", quantity.Of(s.Missed.Data, "report"))
	}
	if s.Shadow.Polls > 0 {
		line("pages in shadow: %s", printable(s.Shadow.Text))
	}
	for i, a := range s.Ahead {
		if i == 0 {
			line("stored versions ahead of the application, which make pages poll fast, newest report first:")
		}
		line("  %s is stored at %d, and the application says %d (%s, the last %v ago). If it is right: %s",
			a.Project, a.Stored, a.Application, quantity.Of(a.Reports, "report"), since(a.Last, now), printable(a.Fix))
	}
	if text := busiest(s.Top.Watchers); text != "" {
		line("projects with most watchers here: %s", text)
	}
	if text := busiest(s.Top.Advances); text != "" {
		line("projects with most changes here in %v: %s", since(s.Top.Since, now), text)
	}
	if r := s.Reload; r != nil {
		line("configuration, %v ago: %s", since(r.At, now), printable(r.Text()))
	}

	line("\nthe fleet: %s, %s, %s lost", quantity.Of(s.Fleet.Instances, "gateway"), quantity.Of(s.Fleet.Streams, "stream"), quantity.Number(s.Fleet.LostStreams))
	table := tabwriter.NewWriter(&page, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tINSTANCE\tNUDGE\tSTREAMS\tPUSH\tHEARD")
	for _, m := range s.Fleet.Members {
		push, heard := m.Push.String(), ms(m.SeenMSAgo).Round(100*time.Millisecond).String()+" ago"
		if m.Leaving {
			push += ", leaving"
		}
		if m.Self {
			heard = "this gateway"
		}
		row(table, m, push, heard)
	}
	for _, m := range s.Fleet.Vanished {
		heard := fmt.Sprintf("%v ago, %s not seen again", ms(m.SeenMSAgo).Round(time.Second), quantity.Of(m.Lost, "stream"))
		row(table, m, "VANISHED", heard)
	}
	table.Flush() // a strings.Builder takes everything
	_, err := io.WriteString(w, page.String())
	return err
}

// printShadow writes what pages in shadow saw, or the same as JSON.
func (s *gatewayStatus) printShadow(w io.Writer, now time.Time, asJSON bool) error {
	seen := s.Shadow
	if seen.Verdict == "" {
		return errors.New("this gateway takes no reports from shadow; it is of an older version")
	}
	if asJSON {
		text, err := json.MarshalIndent(seen, "", "  ")
		if err != nil {
			return err
		}
		_, err = w.Write(terminal.EscapeJSON(append(text, '\n')))
		return err
	}
	var page strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&page, format+"\n", args...) }
	line("%s", printable(seen.Text))
	if seen.Problem != "" {
		line("%s", printable(seen.Problem))
	}
	if seen.Polls > 0 {
		line("since %s (%v), gateways: %d", seen.Since.UTC().Format("2006-01-02 15:04 MST"), since(seen.Since, now), seen.Gateways)
		line("the share of polls that push would have saved is %.1f to %.1f %%, with 95 %% confidence", 100*seen.EmptyLow, 100*seen.EmptyHigh)
		line("push misses %v %% of news at most, with 95 %% confidence\n", twoDigits(100*seen.MissedAtMost))
		table := tabwriter.NewWriter(&page, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "PROJECT\tPOLLS\tEMPTY\tNEWS\tEARLIER\tMISSED\t")
		row := func(name string, s shadow.Sums) {
			fmt.Fprintf(table, "%s\t%d\t%.1f %%\t%d\t%.1f s\t%d\t\n", name, s.Polls, 100*s.EmptyShare(), s.News, s.Lead().Seconds(), s.Missed)
		}
		for _, p := range seen.Projects {
			row(p.Project.String(), p.Sums)
		}
		if seen.Other.Polls > 0 {
			row("others", seen.Other)
		}
		table.Flush() // a strings.Builder takes everything
	}
	if seen.Verdict == shadow.Safe {
		line("\nnext: remove push: 'shadow' from the page, and run nudge push on --percent 1 (docs/migrate.md)")
	}
	_, err := io.WriteString(w, page.String())
	return err
}

func row(w io.Writer, m pace.GatewayStatus, push, heard string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", printable(m.Node), printable(m.Instance), printable(m.Nudge), quantity.Number(m.Streams), push, heard)
}

// push returns the state of push, and why it is not healthy.
func (s *gatewayStatus) push(now time.Time) string {
	echo := "no probe has come back yet"
	if !s.LastEcho.IsZero() {
		echo = fmt.Sprintf("the newest probe that came back is %v old", since(s.LastEcho, now))
	}
	lasting := ""
	if !s.Since.IsZero() {
		lasting = fmt.Sprintf(" for %v", since(s.Since, now))
	}
	if s.Reason == "" {
		return fmt.Sprintf("%s%s; %s", s.Push, lasting, echo)
	}
	text := printable(s.Reason)
	if a := s.advice(); a != nil {
		text += ", " + printable(a.Means)
	}
	return fmt.Sprintf("%s%s (%s); %s", s.Push, lasting, text, echo)
}

// advice is what the gateway says of the reason. A gateway of an older version says nothing.
func (s *gatewayStatus) advice() *status.Advice { return cmp.Or(s.Advice, status.AdviceOn(s.Reason)) }

// flag says who gets push.
func (s *gatewayStatus) flag() string {
	by := map[string]string{"configuration": " by its configuration", "override": " by nudge push"}[s.Flag.By]
	o := s.Flag.Fleet.Override
	if !s.Flag.Enabled {
		if s.Flag.By == "override" && o != nil && o.Why != "" {
			by = ", since a guard ended the rollout (" + printable(o.Why) + ")"
		}
		return "off" + by + ": nobody gets push"
	}
	text := "on" + by
	if s.Flag.Percent != 100 {
		text += fmt.Sprintf(" for %d%% of users", s.Flag.Percent)
	}
	if r := s.Rollout; r != nil {
		text += fmt.Sprintf(", on the way to %d%%; the next step waits: %s", r.Goal, printable(r.Waits))
		if s.Time.Before(r.NextAt) {
			text += ", until " + moment(r.NextAt)
		}
	}
	if len(s.Flag.Include) > 0 {
		text += ", for projects " + printable(strings.Join(s.Flag.Include, " "))
	}
	if len(s.Flag.Exclude) > 0 {
		text += ", not for projects " + printable(strings.Join(s.Flag.Exclude, " "))
	}
	return text
}

// busiest names the first five projects, with their numbers.
func busiest(list []stream.Counted) string {
	var texts []string
	for _, c := range list[:min(5, len(list))] {
		texts = append(texts, fmt.Sprintf("%s %s", printable(c.Project.String()), quantity.Number(c.N)))
	}
	return strings.Join(texts, ", ")
}

// printable is terminal.Printable, except that empty text becomes a dash, so that a table keeps its columns.
func printable(text string) string { return cmp.Or(terminal.Printable(text), "-") }

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// since returns how long ago t was; never below 0, since t may be from the clock of another machine.
func since(t, now time.Time) time.Duration { return max(0, now.Sub(t)).Round(time.Second) }

// twoDigits rounds to two digits that count: 0.26, 1.3, 100. With %.2g, 100 would be 1e+02.
func twoDigits(x float64) float64 {
	rounded, _ := strconv.ParseFloat(fmt.Sprintf("%.2g", x), 64)
	return rounded
}
