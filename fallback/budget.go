package fallback

import (
	"cmp"
	"math"
	"time"
)

const (
	// leastBudget is what any application can take: below it nothing is worth a wait.
	leastBudget = 50
	// stretchFactor is how much longer each stretched interval is than the one before.
	// There are few intervals, so that the interval seldom changes with the load.
	stretchFactor = 1.2
	// fewShare is the share of the capacity that is [Room.Few].
	fewShare = 0.01
)

// Load is how many browsers the whole fleet has, by how they poll. The zero value has none.
type Load struct {
	// Streams are the open streams, by the state of push at their gateways: Down,
	// Degraded, Healthy. Browsers with a healthy one poll too, but rarely.
	Streams [Healthy + 1]int
	// Lost are the streams of vanished gateways that have not been seen again.
	Lost int
	// Polling are browsers without a stream, counted by their tokens.
	Polling int
}

// Open returns how many streams are open.
func (l Load) Open() (n int) {
	for _, streams := range l.Streams {
		n += max(0, streams)
	}
	return n
}

// Browsers returns how many browsers there are of all kinds.
func (l Load) Browsers() int { return l.Open() + max(0, l.Lost) + max(0, l.Polling) }

// Capacity returns how many polls per second the application can take from all browsers together: Budget if set. Else what
// it bore before push, all browsers at Fast, and 50 at least. It is never shorter than all browsers at Longest, since no
// interval is longer.
func (p Policy) Capacity(l Load) float64 {
	m := p.Budget
	if !(m > 0) || math.IsInf(m, 1) {
		m = max(leastBudget, float64(l.Browsers())/p.fast().Seconds())
	}
	return max(m, float64(l.Browsers())/p.longest().Seconds())
}

// Rate returns how many polls per second the browsers of l make at the cadence for
// in. Each stream counts with the state of push at its own gateway.
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

// Stretch is the fast interval, stretched so that the application can bear the load. It remembers what it needs so that the
// interval does not go up and down. It is a value; the zero Stretch is Policy.Fast.
type Stretch struct {
	fast time.Duration
	// shorterSince is since when a shorter interval would do; zero: none would.
	shorterSince time.Time
}

// Fast returns the interval, for [Input.Fast].
func (s Stretch) Fast() time.Duration { return s.fast }

// Follow returns the Stretch for the load l and the other inputs in at now; it ignores in.Fast. An interval that is too
// short for the capacity grows at once, by factors of 1.2, to the first one that is long enough.
//
// It shrinks late, and only as far as the polls of the old and the new interval together stay within the capacity: for a
// moment there may be as many, because a browser that gets a shorter interval polls at the earlier of both times. A shorter
// interval must have been possible for the time of two old ones, since polls that an even shorter interval caused may still
// come.
func (s Stretch) Follow(p Policy, l Load, in Input, now time.Time) Stretch {
	most := p.Capacity(l)
	rate := func(fast time.Duration) float64 {
		in.Fast = fast
		return p.Rate(l, in)
	}
	current := min(max(s.fast, p.fast()), p.longest())
	currentRate := rate(current)
	if !within(currentRate, most) {
		for current < p.longest() && !within(rate(current), most) {
			current = p.longer(current)
		}
		return Stretch{fast: current}
	}
	shorter := p.fast()
	for shorter < current && !within(currentRate+rate(shorter), most) {
		shorter = p.longer(shorter)
	}
	switch {
	case shorter >= current:
		return Stretch{fast: current}
	case s.shorterSince.IsZero():
		return Stretch{fast: current, shorterSince: now}
	case now.Before(s.shorterSince.Add(s.hold())):
		return Stretch{fast: current, shorterSince: s.shorterSince}
	}
	return Stretch{fast: shorter}
}

// Next returns when Follow must be called again if nothing else changes; zero: never.
func (s Stretch) Next() time.Time {
	if s.shorterSince.IsZero() {
		return time.Time{}
	}
	return s.shorterSince.Add(s.hold())
}

// hold returns for how long a shorter interval must be possible before the interval shrinks.
func (s Stretch) hold() time.Duration { return 2 * s.fast }

// within reports rate ≤ most, with a tolerance for intervals rounded to milliseconds.
func within(rate, most float64) bool { return rate <= most*(1+1e-3) }

// longer returns the next stretched interval above d, Longest at most.
func (p Policy) longer(d time.Duration) time.Duration {
	ms := floorMillis(p.fast())
	for math.Round(ms) <= floorMillis(d) {
		ms *= stretchFactor
	}
	return duration(min(math.Round(ms), floorMillis(p.longest())))
}

// fast returns Fast with its default, in whole milliseconds.
func (p Policy) fast() time.Duration {
	return duration(ceilMillis(cmp.Or(max(0, p.Fast), defaultFast)))
}

// longest returns Longest, fast at least.
func (p Policy) longest() time.Duration { return max(p.fast(), duration(floorMillis(p.Longest))) }
