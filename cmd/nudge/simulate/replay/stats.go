package replay

import (
	"math"
	"slices"
	"sync"
	"time"

	"nudge/cmd/nudge/simulate"
	"nudge/cmd/nudge/simulate/browser"
	"nudge/fallback"
)

// stats are what all pages and the application have counted.
type stats struct {
	crowd *Crowd

	mu       sync.Mutex // guards all below
	seconds  []simulate.Second
	pages    []int // that opened, by second
	news     []learnt
	behind   []float64 // by how much timers were late
	outcomes Outcome
}

// learnt is one piece of news that a page has polled for: when, how old it was, and the spread it came with. In milliseconds.
type learnt struct{ at, age, spread float64 }

func newStats(c *Crowd) *stats {
	n := int(c.Play.Length/time.Second) + 1
	return &stats{crowd: c, seconds: make([]simulate.Second, n), pages: make([]int, n)}
}

func (t *stats) do(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// second is the present one.
func (t *stats) second() int { return min(len(t.seconds)-1, max(0, int(t.crowd.now()/1000))) }

func (t *stats) opened() { t.do(func() { t.pages[t.second()]++ }) }

// empty counts a poll that finds nothing, when the application gets it.
func (t *stats) empty() { t.do(func() { t.seconds[t.second()].Empty++ }) }

// polls counts a poll that was due in this second, and why.
func (t *stats) polls(second int, why browser.Cause, early bool) {
	t.do(func() {
		s := &t.seconds[min(second, len(t.seconds)-1)]
		s.Polls++
		if why == browser.News {
			s.News++
		}
		if early {
			s.Extra++
			t.outcomes.Early++
		}
	})
}

// vain counts a poll for news that found nothing.
func (t *stats) vain(second int) {
	t.do(func() {
		t.seconds[second].Extra++
		t.outcomes.Vain++
	})
}

func (t *stats) learnt(age, spread, bound float64) {
	t.do(func() {
		t.news = append(t.news, learnt{t.crowd.now(), age, spread})
		t.outcomes.Staleness.Twice = max(t.outcomes.Staleness.Twice, age-2*spread)
		t.late(age, bound)
	})
}

func (t *stats) missed(age, bound float64) { t.do(func() { t.late(age, bound) }) }

func (t *stats) late(age, bound float64) {
	if age > bound {
		t.outcomes.Late++
		t.outcomes.LateMS = max(t.outcomes.LateMS, age-bound)
	}
}

func (t *stats) ticked(late float64) { t.do(func() { t.behind = append(t.behind, late) }) }
func (t *stats) unpublished()        { t.do(func() { t.outcomes.Unpublished++ }) }
func (t *stats) failed()             { t.do(func() { t.outcomes.Failed++ }) }
func (t *stats) reported()           { t.do(func() { t.outcomes.Reports++ }) }

// outcome is the result of the whole play.
func (t *stats) outcome() *Outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	play, policy := t.crowd.Play, &t.crowd.Policy
	o := &t.outcomes
	o.Script, o.Browsers, o.Advances, o.Hours = "play", len(play.Pages), len(play.Changes), play.Length.Hours()
	o.Gateways, o.Projects = len(t.crowd.Gateways.gateways), len(t.crowd.app.commits)
	o.FastMS, o.SlowMS = policy.Fast.Milliseconds(), policy.Slow.Milliseconds()
	o.Seconds = t.seconds[:len(t.seconds)-1] // what is after the end is no whole second
	for i := range o.Seconds {
		s := &o.Seconds[i]
		o.Awake += t.pages[i]
		m := policy.Capacity(fallback.Load{Polling: o.Awake})
		s.Most = float32(m + 5*math.Sqrt(m))
		o.Polls += int64(s.Polls)
		o.Empty += int64(s.Empty)
		o.News += int64(s.News)
		if float32(s.Polls) > s.Most {
			o.Over++
		}
	}
	whole := t.ages(0, play.Length, 0)
	o.Staleness.P50, o.Staleness.P99, o.Staleness.Max = at(whole, 0.5), at(whole, 0.99), at(whole, 1)
	o.Staleness.Beyond, o.Staleness.N = at(t.ages(0, play.Length, 1), 0.99), len(whole)
	o.Behind = at(t.behind, 0.99)
	begins := []time.Duration{0}
	for _, a := range play.Acts {
		if a.Phase != "" {
			begins = append(begins, a.At)
		}
	}
	begins = append(begins, play.Length)
	o.Divide(play.Acts, func(phase int, p *simulate.Phase) {
		ages := t.ages(begins[phase], begins[phase+1], 0)
		p.P50, p.P99 = at(ages, 0.5), at(ages, 0.99)
	})
	return o
}

// ages are how old news was that pages learnt then, less spreads times its spread.
func (t *stats) ages(from, to time.Duration, spreads float64) (all []float64) {
	for _, n := range t.news {
		if n.at >= millis(from) && n.at < millis(to) {
			all = append(all, n.age-spreads*n.spread)
		}
	}
	return all
}

// at is the value that a share of them do not exceed.
func at(all []float64, share float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[int(share*float64(len(all)-1))]
}
