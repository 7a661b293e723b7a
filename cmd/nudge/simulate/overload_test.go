package simulate_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"nudge/cmd/nudge/simulate"
)

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
// Here it can answer a quarter of the polls that pages make without push.
func TestOverload(t *testing.T) {
	for _, changes := range []bool{true, false} {
		options := func(script string) simulate.Options {
			o := at(script)
			o.Browsers = pages / 2
			if o.Hours = 0.25; !changes {
				o.Advances = -1
			}
			return o
		}
		o := options("steady")
		o.Off = true
		without := run(t, o)
		for script, within := range map[string]int{"redis": 90, "kill": 90, "partition": 60, "flag": 150, "slow": 15} {
			t.Run(fmt.Sprintf("%s, changes %v", script, changes), func(t *testing.T) {
				t.Parallel()
				o := options(script)
				if o.Capacity = 40; !changes {
					o.Capacity = 30
				}
				r := run(t, o)
				over := r.Phases[len(r.Phases)-1].Begin
				slow := 0
				for i, s := range r.Seconds {
					if s.Slowest > 5000 {
						slow = i
					}
				}
				if slow > over+within || len(r.Seconds) < over+within+60 {
					t.Errorf("answers are slow until %d s after the cause is gone; want %d s", slow-over, within)
				}
				below(t, r, without)
			})
		}
	}
}

// A slow application gets fewer polls with push than without it: while it is slow, and afterwards.
func TestSlowWithoutPush(t *testing.T) {
	o := at("slow")
	o.Capacity = 330 // enough for pages without push
	with := run(t, o)
	o.Off = true
	without, err := simulate.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range with.Phases {
		if p.Mean > without.Phases[i].Mean/2 || p.Pushed < 98 {
			t.Errorf("%s: %v polls a second, %v %% of the time with push; without it %v polls", p.Name, p.Mean, p.Pushed, without.Phases[i].Mean)
		}
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
