package fallback_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nudge/fallback"
)

// sleepers are browsers that follow their interval by the protocol: they wait for it within its jitter; a shorter one
// brings the next poll forward to now + new interval × u, with one u for each poll cycle.
type sleepers struct {
	dice  *rand.Rand
	all   []sleeper
	every time.Duration
	polls map[int]int // by tenth of a second
}

type sleeper struct {
	due time.Duration
	u   float64
}

func (s *sleepers) wait(every time.Duration) time.Duration {
	return time.Duration(float64(every) * (0.8 + 0.4*s.dice.Float64()))
}

// newSleepers are so many that have gone by one interval for long.
func newSleepers(n int, every time.Duration) *sleepers {
	s := &sleepers{dice: rand.New(rand.NewPCG(1, 2)), every: every, polls: map[int]int{}}
	for range n {
		due := -time.Duration(s.dice.Float64() * 20 * float64(every))
		for due < 0 {
			due += s.wait(every)
		}
		s.all = append(s.all, sleeper{due, s.dice.Float64()})
	}
	return s
}

// until lets time pass, at whose end they are told an interval.
func (s *sleepers) until(end, told time.Duration) {
	for i := range s.all {
		p := &s.all[i]
		for p.due < end {
			s.polls[int(p.due/(100*time.Millisecond))]++
			*p = sleeper{p.due + s.wait(s.every), s.dice.Float64()}
		}
		if told < s.every {
			p.due = min(p.due, end+time.Duration(p.u*float64(told)))
		}
	}
	s.every = told
}

// peak is the most polls within a second that begins in a time.
func (s *sleepers) peak(from, to time.Duration) (peak int) {
	const tenth = 100 * time.Millisecond
	for i := int(from / tenth); i < int(to/tenth); i++ {
		sum := 0
		for j := range 10 {
			sum += s.polls[i+j]
		}
		peak = max(peak, sum)
	}
	return peak
}

// 30,000 browsers lose push together and get it back: no lockstep. What they may make is what they would without push.
func TestEchoOfAnOutage(t *testing.T) {
	const second, lost, back = time.Second, 20 * time.Second, 80 * time.Second
	s := newSleepers(30_000, 5*time.Minute)
	var trust fallback.Trust
	told := func(push fallback.Push, now time.Duration) time.Duration {
		trust = trust.Follow(usual, push, at(now))
		return usual.Cadence(fallback.Input{Push: push, Share: 1, Step: trust.Step()}).Poll
	}
	s.until(lost-2*second, told(fallback.Degraded, lost-2*second))
	s.until(lost, told(fallback.Down, lost))
	s.until(back, told(fallback.Degraded, back))
	for now := back + 8*second; now < back+10*time.Minute; now += second {
		s.until(now, told(fallback.Healthy, now))
	}
	most := 3000 + int(5*math.Sqrt(3000))
	for name, tc := range map[string]struct {
		from, to time.Duration
		most     int
	}{
		// The second round begins before the first is over, since intervals vary: half as many again at the most. That
		// is the protocol's rule, and more than its promise; docs/cadence.md says so.
		"the first two intervals": {lost, lost + 20*second, 3000 * 3 / 2},
		"the third":               {lost + 22*second, lost + 30*second, most},
		"the rest of the outage":  {lost + 30*second, back, most},
		// Longer intervals count from the next poll, so none of these is faster than what was before it.
		"the pace before goes out":     {back, back + 12*second, most},
		"three intervals of push back": {back + 12*second, back + 100*second, most},
		"while trust grows":            {back + 100*second, back + 10*time.Minute, most / 2},
	} {
		if got := s.peak(tc.from, tc.to); got > tc.most || got == 0 {
			t.Errorf("%s: %d polls in a second, %d is the most", name, got, tc.most)
		}
	}
	t.Logf("losing push: %d at most; then %d; push back: %d, then %d", s.peak(lost, lost+20*second), s.peak(lost+30*second, back),
		s.peak(back+12*second, back+100*second), s.peak(back+100*second, back+10*time.Minute))
}
