package fallback

import (
	"math"
	"time"
)

const (
	// leastBudget is what any application can take: below it nothing is worth a wait.
	leastBudget = 50
	// rung is how much longer one stretched interval is than the one before: few
	// rungs, so that few changes of the load change what browsers are told.
	rung = 1.2
	// fewShare is the part of the capacity that polls of few browsers are.
	fewShare = 0.01
)

// Load is how many browsers the whole fleet has, and what they go by. The zero
// value is nobody.
type Load struct {
	// Streams are those open, by what their gateways say of push: Down, Degraded,
	// Healthy. A healthy one polls rarely, and does poll.
	Streams [Healthy + 1]int
	// Lost are the streams of vanished gateways that have not been seen again.
	Lost int
	// Polling are browsers without a stream, as far as a token vouches for them.
	Polling int
}

// Open is how many streams there are.
func (l Load) Open() (n int) {
	for _, streams := range l.Streams {
		n += max(0, streams)
	}
	return n
}

// Browsers is how many there are of all kinds.
func (l Load) Browsers() int { return l.Open() + max(0, l.Lost) + max(0, l.Polling) }

// Capacity is how many polls per second the application can take from all
// browsers together: Budget, or what it bore before push, all browsers at Fast
// and 50 at least. It is never less than all of them at Longest, since nobody is
// ever told to wait longer than that.
func (p Policy) Capacity(l Load) float64 {
	m := p.Budget
	if !(m > 0) || math.IsInf(m, 1) {
		m = max(leastBudget, float64(l.Browsers())/p.fast().Seconds())
	}
	return max(m, float64(l.Browsers())/p.longest().Seconds())
}

// Rate is how many polls per second the browsers of l make if all go by what
// Cadence makes of in, each stream by the push that its own gateway tells.
func (p Policy) Rate(l Load, in Input) float64 {
	rate := 0.0
	for push, streams := range l.Streams {
		if streams > 0 {
			in.Push = Push(push)
			rate += float64(streams) / p.Cadence(in).Poll.Seconds()
		}
	}
	return rate + float64(max(0, l.Lost)+max(0, l.Polling))/p.Cadence(in).Fast.Seconds()
}

// Stretch is the fast interval that browsers are told, with what must be
// remembered so that it does not go to and fro. It is a value; the zero Stretch
// is Policy.Fast.
type Stretch struct {
	fast time.Duration
	// roomy is since when a shorter interval would do; zero: none would.
	roomy time.Time
}

// Fast is the interval to tell, for [Input.Fast].
func (s Stretch) Fast() time.Duration { return s.fast }

// Follow returns the Stretch for the load l at now, if all else is as in, whose
// Fast does not matter. What is too short for the budget grows at once, to the
// first rung of a ladder from Fast to Longest that is long enough.
//
// It shrinks late, and only as far as the old and the new pace together stay
// within the budget: a browser that learns of a shorter interval comes at the
// earlier of two times, so that for a moment there are as many polls as both
// paces make. And before that there must have been room for two of the old
// intervals: what was due by an even faster pace is still on its way.
func (s Stretch) Follow(p Policy, l Load, in Input, now time.Time) Stretch {
	most := p.Capacity(l)
	rate := func(fast time.Duration) float64 {
		in.Fast = fast
		return p.Rate(l, in)
	}
	told := min(max(s.fast, p.fast()), p.longest())
	begun := rate(told)
	if !within(begun, most) {
		for told < p.longest() && !within(rate(told), most) {
			told = p.longer(told)
		}
		return Stretch{fast: told}
	}
	less := p.fast()
	for less < told && !within(begun+rate(less), most) {
		less = p.longer(less)
	}
	switch {
	case less >= told:
		return Stretch{fast: told}
	case s.roomy.IsZero():
		return Stretch{fast: told, roomy: now}
	case now.Before(s.roomy.Add(s.hold())):
		return Stretch{fast: told, roomy: s.roomy}
	}
	return Stretch{fast: less}
}

// Next is when Follow must be asked again if nothing else changes; zero: never.
func (s Stretch) Next() time.Time {
	if s.roomy.IsZero() {
		return time.Time{}
	}
	return s.roomy.Add(s.hold())
}

// hold is for how long there must be room before the interval shrinks.
func (s Stretch) hold() time.Duration { return 2 * s.fast }

// within is rate ≤ most, but for the rounding of intervals to milliseconds.
func within(rate, most float64) bool { return rate <= most*(1+1e-3) }

// longer is the next rung of the ladder above d.
func (p Policy) longer(d time.Duration) time.Duration {
	ms := floorMillis(p.fast())
	for math.Round(ms) <= floorMillis(d) {
		ms *= rung
	}
	return duration(min(math.Round(ms), floorMillis(p.longest())))
}

// fast is Fast as Cadence reads it.
func (p Policy) fast() time.Duration { return duration(ceilMillis(orElse(p.Fast, defaultFast))) }

// longest is Longest as far as it makes sense.
func (p Policy) longest() time.Duration { return max(p.fast(), duration(floorMillis(p.Longest))) }
