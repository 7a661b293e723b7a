package rollout

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/version/control"
)

var (
	noon  = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	begin = Counts{Advances: 1000, Slow: 10, Missed: 20, Caused: 5000, Saved: 100}
	fine  = State{Healthy: true, Streams: 5}
)

// step is a step of a rollout to 100 percent that began at noon, and takes an hour.
func step(percent int, guards ...control.Guard) Watch {
	return Begin(control.FlagEntry{
		Stamp:    control.Stamp{Seq: 7, Time: noon},
		Override: &control.Override{Enabled: true, Percent: &percent, Rollout: &control.Rollout{Goal: 100, Step: time.Hour, Guards: guards}},
	}, begin, noon.Add(time.Second))
}

func TestDecide(t *testing.T) {
	const long = 2 * time.Hour
	for _, c := range []struct {
		name  string
		watch Watch
		seen  Counts // since the step began
		state State
		after time.Duration
		want  Action
		to    int
		why   string
	}{
		{"all is there", step(5), Counts{Advances: 1}, fine, long, Raise, 10, ""},
		{"the first step", step(1), Counts{Advances: 1}, fine, long, Raise, 2, ""},
		{"a step that is none of ours", step(33), Counts{Advances: 1}, fine, long, Raise, 50, ""},
		{"the goal", step(100), Counts{Advances: 1}, fine, long, Finish, 0, ""},
		{"too early", step(5), Counts{Advances: 1}, fine, time.Hour - 1, Wait, 0, "not over"},
		{"on time", step(5), Counts{Advances: 1}, fine, time.Hour, Raise, 10, ""},
		{"push is down", step(5), Counts{Advances: 1}, State{false, 5}, long, Wait, 0, "not healthy"},
		{"nobody is there", step(5), Counts{Advances: 1}, State{true, 0}, long, Wait, 0, "no page has a stream"},
		{"nothing changed", step(5), Counts{}, fine, long, Wait, 0, "has changed since"},
		{"news missed", step(5, control.GuardMissed), Counts{Advances: 299, Missed: 3}, fine, time.Minute, Stop, 0, "missed at 5 percent: polls found 3 changes that push had not announced, of 299"},
		{"one of a hundred missed", step(5, control.GuardMissed), Counts{Advances: 300, Missed: 3}, fine, long, Raise, 10, ""},
		{"two missed may be an accident", step(5, control.GuardMissed), Counts{Advances: 2, Missed: 2}, fine, long, Raise, 10, ""},
		{"news missed, and nobody guards", step(5, control.GuardPolls), Counts{Advances: 3, Missed: 3}, fine, long, Raise, 10, ""},
		{"late news", step(5, control.GuardStaleness), Counts{Advances: 299, Slow: 3}, fine, time.Minute, Stop, 0, "staleness at 5 percent: 3 changes of 299"},
		{"more polls than without", step(5, control.GuardPolls), Counts{Advances: 9, Caused: 101, Saved: 100}, fine, time.Minute, Stop, 0, "polls at 5 percent: changes caused 101 polls, and streams saved 100"},
		{"as many polls", step(5, control.GuardPolls), Counts{Advances: 9, Caused: 101, Saved: 101}, fine, long, Raise, 10, ""},
		{"too few polls to tell", step(5, control.GuardPolls), Counts{Advances: 9, Caused: 99}, fine, long, Raise, 10, ""},
		{"a fault counts while push is down", step(5, control.GuardMissed), Counts{Missed: 3}, State{}, 0, Stop, 0, "missed"},
		{"no rollout", Begin(control.FlagEntry{Override: &control.Override{Enabled: true}}, begin, noon), Counts{Advances: 1}, fine, long, Wait, 0, ""},
		{"no override", Watch{}, Counts{Advances: 1}, fine, long, Wait, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := Counts{
				begin.Advances + c.seen.Advances, begin.Slow + c.seen.Slow, begin.Missed + c.seen.Missed, begin.Caused + c.seen.Caused, begin.Saved + c.seen.Saved,
			}
			d := c.watch.Decide(now, c.state, noon.Add(c.after))
			if d.Action != c.want || d.Percent != c.to || !strings.Contains(d.Why, c.why) {
				t.Errorf("%+v, want %v %d %q", d, c.want, c.to, c.why)
			}
		})
	}
}

// A gateway that has started late has seen nothing yet of a step that is over.
func TestDecideAfterRestart(t *testing.T) {
	w := step(5)
	w = Begin(w.Entry, Counts{}, noon.Add(3*time.Hour))
	seen := Counts{Advances: 1}
	if d := w.Decide(seen, fine, noon.Add(3*time.Hour+5*time.Minute)); d.Action != Wait || !d.At.Equal(noon.Add(3*time.Hour+6*time.Minute)) {
		t.Errorf("%+v", d)
	}
	if d := w.Decide(seen, fine, noon.Add(3*time.Hour+6*time.Minute)); d.Action != Raise {
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
				Rollout: &control.Rollout{Goal: goal, Step: time.Hour, Guards: control.Guards()},
			},
		}
		type gateway struct {
			watch  Watch
			counts Counts
		}
		gateways := make([]gateway, 3)
		over := false
		for range rapid.IntRange(1, 200).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			g := &gateways[rapid.IntRange(0, len(gateways)-1).Draw(t, "gateway")]
			read := rapid.IntRange(0, 9).Draw(t, "reads") > 0 // else it has not heard of the last change
			if g.watch.Entry.Seq == 0 || read && g.watch.Entry.Stamp != stored.Stamp {
				g.watch = Begin(stored, g.counts, now)
			}
			g.counts.Advances += rapid.Uint64Range(0, 500).Draw(t, "advances")
			g.counts.Saved += 1000
			fault := rapid.IntRange(0, 99).Draw(t, "fault") == 0
			if fault {
				g.counts.Missed += 10_000
			}
			state := State{rapid.Bool().Draw(t, "healthy"), rapid.IntRange(0, 1).Draw(t, "streams")}
			d := g.watch.Decide(g.counts, state, now)
			if d.Action == Wait {
				continue
			}
			if over && g.watch.Entry.Stamp == stored.Stamp {
				t.Fatalf("%+v when all is over", d)
			}
			next := g.watch.Override(d)
			if err := next.Check(); err != nil {
				t.Fatalf("%+v: %v", next, err)
			}
			if g.watch.Entry.Seq != stored.Seq { // Redis refuses
				continue
			}
			was := *stored.Override.Percent
			switch {
			case d.Action == Stop:
				over = true
				if next.Enabled || next.Why == "" {
					t.Fatalf("%+v", next)
				}
			case !state.Healthy || state.Streams == 0 || now.Sub(stored.Time) < time.Hour:
				t.Fatalf("%+v without evidence", d)
			case d.Action == Finish:
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
	s := w.Status(begin, fine, noon)
	if s.Percent != 20 || s.Goal != 100 || len(s.Guards) != 1 || !s.NextAt.Equal(noon.Add(time.Hour)) || s.Waits != "the step is not over" {
		t.Errorf("%+v", s)
	}
	if (Watch{}).Status(begin, fine, noon) != nil {
		t.Error("there is no rollout")
	}
}
