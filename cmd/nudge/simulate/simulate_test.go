package simulate_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/fallback"
)

// pages is how many there are in most tests: few enough for the race detector. What chance does is larger with few, so the
// bounds, which know that, are as tight as with many.
const pages = 3000

func run(t *testing.T, o simulate.Options) *simulate.Result {
	t.Helper()
	r, err := simulate.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Over > 0 {
		for i, s := range r.Seconds {
			if float32(s.Polls) > s.Most {
				t.Errorf("promise 2: %d polls in second %d, where %.0f are allowed", s.Polls, i, s.Most)
			}
		}
	}
	if r.Late > 0 {
		t.Errorf("promise 1: %d pages learnt too late, one by %v ms", r.Late, r.LateMS)
	}
	return r
}

func at(script string) simulate.Options {
	return simulate.Options{Script: script, Browsers: pages, Hours: 0.2, Seed: 1}
}

// at10 is what Nudge saves of plain polling every 10 s.
func at10(r *simulate.Result) float64 { return r.Plain[1].Saved }

func TestSameSeed(t *testing.T) {
	text := func(seed uint64) []byte {
		o := at("kill")
		o.Browsers, o.Hours, o.Seed = 500, 0.1, seed
		b, err := json.Marshal(run(t, o))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := text(7)
	if !bytes.Equal(first, text(7)) {
		t.Error("the same seed gave another result")
	}
	if bytes.Equal(first, text(8)) {
		t.Error("another seed gave the same result")
	}
}

func TestSteady(t *testing.T) {
	for slow, least := range map[time.Duration]float64{5 * time.Minute: 96, 15 * time.Minute: 98} {
		for advances, name := range map[float64]string{-1: "quiet", 0: "usual"} {
			o := at("steady")
			o.Policy.Slow, o.Advances, o.Hours = slow, advances, 0.3
			r := run(t, o)
			if saved := at10(r); saved < least {
				t.Errorf("%s, slow %v: saves %.2f %% of empty polls", name, slow, saved)
			}
			if advances < 0 {
				continue
			}
			if s := r.Staleness; s.P50 >= 100 || s.Beyond >= 1000 || s.N < 1000 {
				t.Errorf("slow %v: %+v", slow, s)
			}
		}
	}
}

// As many changes as 30,000 pages on 5,000 projects have with 100 a second.
func TestBusy(t *testing.T) {
	o := at("steady")
	o.Advances, o.Projects = 10, 500
	run(t, o)
}

func TestScripts(t *testing.T) {
	for _, script := range []string{"redis", "kill", "partition", "flag", "deploy"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			for _, budget := range []float64{0, 150} {
				for _, advances := range []float64{-1, 10} {
					o := at(script)
					o.Advances, o.Policy.Budget = advances, budget
					if script == "kill" && budget > 0 {
						continue // without any gateway pages poll at their own interval, whatever the budget
					}
					run(t, o)
				}
			}
		})
	}
}

// Those who lose push together come evenly: no second of the next three intervals has more than chance makes of their mean.
func TestNoEcho(t *testing.T) {
	for _, script := range []string{"redis", "kill"} {
		for _, advances := range []float64{-1, 10} {
			o := at(script)
			o.Advances, o.Settled = advances, true
			r := run(t, o)
			begun := r.Phases[1].Begin
			if script == "redis" {
				begun += 2 // until all have been told
			} else {
				begun++
			}
			end := min(begun+36, r.Phases[2].Begin)
			mean := 0.0
			for _, s := range r.Seconds[begun:end] {
				mean += float64(s.Polls) / float64(end-begun)
			}
			if mean < 0.9*pages/10 {
				t.Errorf("%s: %v polls a second after it", script, mean)
			}
			for i, s := range r.Seconds[begun:end] {
				if float64(s.Polls) > mean+5*math.Sqrt(mean) {
					t.Errorf("%s: %d polls in second %d after it, %.0f on average", script, s.Polls, i, mean)
				}
			}
		}
	}
}

// When push is back, polls become fewer at once, and do not come back one interval later: no second of the next three
// intervals has more than chance makes of those before it.
func TestNoEchoOfRecovery(t *testing.T) {
	const before, after = 10, 30 + 53 + 95
	for _, script := range []string{"redis", "kill", "partition"} {
		o := at(script)
		o.Advances, o.Settled = -1, true
		r := run(t, o)
		back := r.Phases[2].Begin
		for i := back + before; i < back+before+after; i++ {
			mean := 0.0
			for _, s := range r.Seconds[i-before : i] {
				mean += float64(s.Polls) / before
			}
			if now := float64(r.Seconds[i].Polls); now > mean+5*math.Sqrt(mean) {
				t.Errorf("%s: %v polls in second %d after it, %.0f on average before", script, now, i-back, mean)
			}
		}
	}
}

// Nobody polls for a deploy: neither sooner than the interval allows, nor in vain.
func TestDeploy(t *testing.T) {
	o := at("deploy")
	o.Advances, o.Settled = -1, true
	if r := run(t, o); r.Early > 0 || r.Vain > 0 || len(r.Causes) != 1 {
		t.Errorf("%d polls came too soon, %d found nothing: %v", r.Early, r.Vain, r.Causes)
	}
	o.Advances = 1
	if r := run(t, o); r.Vain > 0 {
		t.Errorf("%d polls for news found nothing", r.Vain)
	}
}

func TestFlag(t *testing.T) {
	o := at("flag")
	o.Advances, o.Settled = -1, true
	r := run(t, o)
	// Ramped: the polls grow by no more than a part of the whole in each of its 12 steps.
	const whole, steps = pages / 10, 12.0
	for _, p := range r.Phases[1:] {
		for i := range 60 {
			if grown := float64(r.Seconds[p.Begin+i].Polls); p.Name == "flag off" && grown > whole*(float64(i)/60+2/steps)+5*math.Sqrt(whole) {
				t.Errorf("%v polls %d s after push was switched off", grown, i)
			}
		}
	}
	if n := r.Seconds[r.Phases[1].Begin+120].Polls; n < whole*0.8 {
		t.Errorf("%d polls long after push was switched off", n)
	}
	if n := r.Seconds[len(r.Seconds)-1].Polls; n > whole/5 {
		t.Errorf("%d polls at the end", n)
	}
}

// One project that everybody watches, and that changes every second. News of the other projects of a page does not wait for it.
func TestCrowd(t *testing.T) {
	o := at("crowd")
	o.Hours = 0.05
	r := run(t, o)
	if s := r.Staleness; s.Twice > 1100 || s.N < pages {
		t.Errorf("%+v", s)
	}
	if s := r.Small; s.P50 > 100 || s.N < 100 {
		t.Errorf("small projects: %+v", s)
	}
}

// A subscription that is confirmed again makes nobody poll, and takes no room from news.
func TestGap(t *testing.T) {
	o := at("gap")
	o.Advances, o.Settled = -1, true
	if r := run(t, o); len(r.Causes) != 1 || r.Early > 0 {
		t.Errorf("without news: %v", r.Causes)
	}
	o = at("gap")
	o.Hours, o.Settled = 0.04, true
	r := run(t, o)
	if before, after := r.Phases[0], r.Phases[1]; after.P99 > before.P99+1000 {
		t.Errorf("99 %% of news took %v ms before, and %v ms after", before.P99, after.P99)
	}
}

// Who watches a small project does not wait for the herd of another.
func TestHerd(t *testing.T) {
	for _, script := range []string{"steady", "herd"} {
		o := at(script)
		o.Browsers = 30_000 // in a smaller fleet few are less than one
		o.Hours = 0.05
		if s := run(t, o).Small; s.P50 > 100 || s.P99 > 1100 || s.N < 1000 { // a page that is shown again polls within a second
			t.Errorf("%s: %+v", script, s)
		}
	}
}

// A report that push missed something comes to nobody's harm: there is none.
func TestNothingIsMissed(t *testing.T) {
	r := run(t, at("steady"))
	if r.Faults > 0 {
		t.Errorf("%d of %d reports speak against push", r.Faults, r.Reports)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]simulate.Options{
		"script":   {Script: "flood"},
		"browsers": {Browsers: -1},
		"projects": {Browsers: 10, Projects: 11},
		"hours":    {Hours: math.NaN()},
		"advances": {Advances: 1e9},
		"slow":     {Policy: fallback.Policy{Slow: -1}},
	} {
		if _, err := simulate.Run(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
