package simulate_test

import (
	"math"
	"testing"
	"time"

	"nudge/cmd/nudge/simulate"
)

// slowIsCrowded: the model still has the rule that a page whose poll is not answered for 10 s gives up its stream for minutes.
const slowIsCrowded = true

// Pages that wait for their answers before they wait for the next poll ask an overloaded application as often as it answers.
func TestCapacity(t *testing.T) {
	o := at("steady")
	o.Settled, o.Off, o.Capacity = true, true, 200
	r := run(t, o)
	if want := 1000 * (pages/o.Capacity - 10); math.Abs(r.Answers.P50-want) > 0.1*want || r.Peak > 330 {
		t.Errorf("%+v, want half within %v ms; %d polls in one second", r.Answers, want, r.Peak)
	}
	o.Capacity = 0
	if r := run(t, o); r.Answers.Max != 50 || r.Failed > 0 {
		t.Errorf("without a limit: %+v, %d failed", r.Answers, r.Failed)
	}
	o.Capacity = 20 // pages wait for a minute, and give up
	if r := run(t, o); r.Failed == 0 || r.Answers.Max > 61_000 {
		t.Errorf("with %v a second: %+v, %d failed", o.Capacity, r.Answers, r.Failed)
	}
}

// An application whose answers take 12 s costs nobody push: there are no more polls than with a quick one.
func TestSlowApplication(t *testing.T) {
	if slowIsCrowded {
		t.Skip("it costs all of them push")
	}
	o := at("steady")
	quick := run(t, o)
	o.Latency = 12 * time.Second
	slow := run(t, o)
	if slow.Polls > quick.Polls+quick.Polls/20 || slow.Pushed < 95 {
		t.Errorf("%d polls, %v %% of the time with push; with a quick application %d, %v %%", slow.Polls, slow.Pushed, quick.Polls, quick.Pushed)
	}
	if most := quick.Staleness.P50 + 2*float64(o.Latency.Milliseconds()); slow.Staleness.P50 > most {
		t.Errorf("half of all news takes %v ms, want %v at most", slow.Staleness.P50, most)
	}
}

// Whatever has overloaded the application: once the cause is gone, it recovers. Nor does it ever get more polls than without push.
func TestOverload(t *testing.T) {
	if slowIsCrowded {
		t.Skip("pages without push keep it overloaded")
	}
	for name, c := range map[string]struct {
		script   string
		capacity float64
		latency  time.Duration
		within   int // seconds until answers are quick again
	}{
		"redis is down":                                 {"redis", 100, 0, 60},
		"redis is down, with little capacity":           {"redis", 40, 0, 300},
		"the gateways are killed":                       {"kill", 100, 0, 60},
		"push is off":                                   {"flag", 100, 0, 120},
		"push is off, with little capacity":             {"flag", 40, 0, 300},
		"the application is slow":                       {"slow", 330, 0, 30},
		"the application is slow, with little capacity": {"slow", 100, 0, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := at(c.script)
			o.Capacity, o.Hours = c.capacity, 0.3
			r := run(t, o)
			over := r.Phases[len(r.Phases)-1].Begin
			last := 0
			for i, s := range r.Seconds {
				if s.Slowest > 2000 {
					last = i
				}
			}
			if last > over+c.within {
				t.Errorf("answers are slow until %d s after the cause is gone", last-over)
			}
			o.Off = true
			if without := run(t, o); c.script == "slow" && r.Phases[1].Mean > without.Phases[1].Mean {
				t.Errorf("%v polls a second while it is slow, %v without push", r.Phases[1].Mean, without.Phases[1].Mean)
			}
			o.Script, o.Capacity = "steady", 0
			below(t, r, run(t, o))
		})
	}
}

// below checks that there are no more polls than without push, in any ten seconds, but for chance. without is of an application
// that is never slow, since pages that wait for answers poll less.
func below(t *testing.T, with, without *simulate.Result) {
	t.Helper()
	sum := func(seconds []simulate.Second) (n float64) {
		for _, s := range seconds {
			n += float64(s.Polls)
		}
		return n
	}
	for i := 0; i+10 <= min(len(with.Seconds), len(without.Seconds)); i += 10 {
		a, b := sum(with.Seconds[i:i+10]), sum(without.Seconds[i:i+10])
		if a > b+5*math.Sqrt(b) {
			t.Errorf("%v polls in the 10 s from second %d, %v without push", a, i, b)
		}
	}
}
