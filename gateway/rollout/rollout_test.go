package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/version/control"
)

var (
	noon  = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	begin = Seen{Advances: 1000, Slow: 10, Missed: 20, Caused: 5000, Saved: 100, Healthy: true, Streams: 5}
)

// step is a step of a rollout to 100 percent that began at noon, and takes an hour.
func step(percent int, guards ...control.Guard) Watch {
	return Begin(control.FlagEntry{
		Stamp:    control.Stamp{Seq: 7, Time: noon},
		Override: &control.Override{Enabled: true, Percent: &percent, Rollout: &control.Rollout{Goal: 100, Step: control.Millis(time.Hour), Guards: guards}},
	}, begin, noon.Add(time.Second))
}

// say returns what is to be put in force, and why, or why not.
func say(d Decision) (next, why string) {
	switch o := d.Next; {
	case o == nil:
		return "", d.Why
	case !o.Enabled:
		return "off", o.Why
	case o.Rollout == nil:
		return fmt.Sprint(*o.Percent, ", over"), ""
	default:
		return fmt.Sprint(*o.Percent, ", goes on"), ""
	}
}

func TestDecide(t *testing.T) {
	const long = 2 * time.Hour
	type state struct {
		healthy bool
		streams int
	}
	fine := state{true, 5}
	for _, c := range []struct {
		name  string
		watch Watch
		seen  Seen // since the step began
		state state
		after time.Duration
		want  string // what Next says; "": wait
		why   string
	}{
		{"all is there", step(5), Seen{Advances: 1}, fine, long, "10, goes on", ""},
		{"the first step", step(1), Seen{Advances: 1}, fine, long, "2, goes on", ""},
		{"a step that is none of ours", step(33), Seen{Advances: 1}, fine, long, "50, goes on", ""},
		{"the goal", step(100), Seen{Advances: 1}, fine, long, "100, over", ""},
		{"too early", step(5), Seen{Advances: 1}, fine, time.Hour - 1, "", "not over"},
		{"on time", step(5), Seen{Advances: 1}, fine, time.Hour, "10, goes on", ""},
		{"push is down", step(5), Seen{Advances: 1}, state{false, 5}, long, "", "not healthy"},
		{"nobody is there", step(5), Seen{Advances: 1}, state{true, 0}, long, "", "no page has a stream"},
		{"nothing changed", step(5), Seen{}, fine, long, "", "has changed since"},
		{"news missed", step(5, control.GuardMissed), Seen{Advances: 299, Missed: 3}, fine, time.Minute, "off", "missed at 5 percent: polls found 3 changes that push had not announced, of 299"},
		{"one of a hundred missed", step(5, control.GuardMissed), Seen{Advances: 300, Missed: 3}, fine, long, "10, goes on", ""},
		{"two missed may be an accident", step(5, control.GuardMissed), Seen{Advances: 2, Missed: 2}, fine, long, "10, goes on", ""},
		{"news missed, and nobody guards", step(5, control.GuardPolls), Seen{Advances: 3, Missed: 3}, fine, long, "10, goes on", ""},
		{"late news", step(5, control.GuardStaleness), Seen{Advances: 299, Slow: 3}, fine, time.Minute, "off", "staleness at 5 percent: 3 changes of 299"},
		{"more polls than without", step(5, control.GuardPolls), Seen{Advances: 9, Caused: 101, Saved: 100}, fine, time.Minute, "off", "polls at 5 percent: changes caused 101 polls, and streams saved 100"},
		{"as many polls", step(5, control.GuardPolls), Seen{Advances: 9, Caused: 101, Saved: 101}, fine, long, "10, goes on", ""},
		{"too few polls to tell", step(5, control.GuardPolls), Seen{Advances: 9, Caused: 99}, fine, long, "10, goes on", ""},
		{"a fault counts while push is down", step(5, control.GuardMissed), Seen{Missed: 3}, state{}, 0, "off", "missed"},
		{"no rollout", Begin(control.FlagEntry{Override: &control.Override{Enabled: true}}, begin, noon), Seen{Advances: 1}, fine, long, "", ""},
		{"no override", Watch{}, Seen{Advances: 1}, fine, long, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := Seen{
				begin.Advances + c.seen.Advances, begin.Slow + c.seen.Slow, begin.Missed + c.seen.Missed, begin.Caused + c.seen.Caused, begin.Saved + c.seen.Saved,
				c.state.healthy, c.state.streams,
			}
			if got, why := say(c.watch.Decide(now, noon.Add(c.after))); got != c.want || !strings.Contains(why, c.why) {
				t.Errorf("%q %q, want %q %q", got, why, c.want, c.why)
			}
		})
	}
}

// A gateway that has started late has seen nothing yet of a step that is over.
func TestDecideAfterRestart(t *testing.T) {
	w := step(5)
	w = Begin(w.Entry, Seen{}, noon.Add(3*time.Hour))
	seen := Seen{Advances: 1, Healthy: true, Streams: 5}
	if d := w.Decide(seen, noon.Add(3*time.Hour+5*time.Minute)); d.Next != nil || !d.At.Equal(noon.Add(3*time.Hour+6*time.Minute)) {
		t.Errorf("%+v", d)
	}
	if d := w.Decide(seen, noon.Add(3*time.Hour+6*time.Minute)); d.Next == nil || *d.Next.Percent != 10 {
		t.Errorf("%+v", d)
	}
}

// Any number of gateways that see anything, each on its own: the percentage only grows, by the steps and no faster than they
// take, until the goal or a fault; then nothing happens any more.
func TestFleet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, goal := rapid.IntRange(1, 99).Draw(t, "first"), rapid.IntRange(1, 100).Draw(t, "goal")
		goal = max(first, goal)
		now, seq := noon, int64(1)
		stored := control.FlagEntry{
			Stamp: control.Stamp{Seq: seq, Time: now},
			Override: &control.Override{
				Enabled: true, Percent: &first,
				Rollout: &control.Rollout{Goal: goal, Step: control.Millis(time.Hour), Guards: control.Guards()},
			},
		}
		type gateway struct {
			watch Watch
			seen  Seen
		}
		gateways := make([]gateway, 3)
		over := false
		for range rapid.IntRange(1, 200).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			g := &gateways[rapid.IntRange(0, len(gateways)-1).Draw(t, "gateway")]
			read := rapid.IntRange(0, 9).Draw(t, "reads") > 0 // else it has not heard of the last change
			if g.watch.Entry.Seq == 0 || read && g.watch.Entry.Stamp != stored.Stamp {
				g.watch = Begin(stored, g.seen, now)
			}
			g.seen.Advances += rapid.Uint64Range(0, 500).Draw(t, "advances")
			g.seen.Saved += 1000
			fault := rapid.IntRange(0, 99).Draw(t, "fault") == 0
			if fault {
				g.seen.Missed += 10_000
			}
			g.seen.Healthy, g.seen.Streams = rapid.Bool().Draw(t, "healthy"), rapid.IntRange(0, 1).Draw(t, "streams")
			d := g.watch.Decide(g.seen, now)
			if d.Next == nil {
				continue
			}
			if over && g.watch.Entry.Stamp == stored.Stamp {
				t.Fatalf("%+v when all is over", d)
			}
			next := *d.Next
			if err := next.Check(); err != nil {
				t.Fatalf("%+v: %v", next, err)
			}
			if g.watch.Entry.Seq != stored.Seq { // Redis refuses
				continue
			}
			was := *stored.Override.Percent
			switch {
			case !next.Enabled:
				over = true
				if next.Why == "" {
					t.Fatalf("%+v", next)
				}
			case !g.seen.Healthy || g.seen.Streams == 0 || now.Sub(stored.Time) < time.Hour:
				t.Fatalf("%+v without evidence", d)
			case next.Rollout == nil:
				over = true
				if was != goal || *next.Percent != goal {
					t.Fatalf("ends at %d", was)
				}
			case *next.Percent <= was || *next.Percent > goal || *next.Percent > max(2, was*5/2):
				t.Fatalf("from %d to %d, goal %d", was, *next.Percent, goal)
			}
			seq++
			stored = control.FlagEntry{Stamp: control.Stamp{Seq: seq, Time: now}, Override: &next}
		}
	})
}

func TestStatus(t *testing.T) {
	w := step(20, control.GuardPolls)
	s := w.Status(begin, noon)
	if s.Percent != 20 || s.Goal != 100 || len(s.Guards) != 1 || !s.NextAt.Equal(noon.Add(time.Hour)) || s.Waits != "the step is not over" {
		t.Errorf("%+v", s)
	}
	if (Watch{}).Status(begin, noon) != nil {
		t.Error("there is no rollout")
	}
}
