package fallback

import (
	"slices"
	"time"
)

// Waning is how many polls come without news, as it really is. More of them come as soon as browsers are told a shorter
// interval. But when it gets longer each browser still makes the poll that it had set by the shorter one, so that the old
// rate lasts until all of these have come. Its zero value knows of no polls.
type Waning struct {
	past []told // by falling pace, each lasting longer than the one before; the last is what is told now
}

type told struct {
	each  float64 // polls per second of one browser, on average
	until time.Time
}

// Follow takes note that at now so many browsers are told intervals that make for this rate, polls per second, and that they
// vary them by jitter. It returns the rate at which they come. Those who have gone meanwhile make no polls.
//
// As a whole they have come by then when each could have: those who poll more often than the others need less time.
func (w *Waning) Follow(rate float64, browsers int, jitter float64, now time.Time) float64 {
	each := 0.0
	if browsers > 0 {
		each = rate / float64(browsers)
	}
	w.past = slices.DeleteFunc(w.past, func(t told) bool { return t.each <= each || !t.until.After(now) })
	if each > 0 {
		w.past = append(w.past, told{each, now.Add(time.Duration((1 + jitter) / each * float64(time.Second)))})
	}
	if len(w.past) == 0 {
		return rate
	}
	return max(rate, w.past[0].each*float64(browsers))
}

// Next is when fewer will come if nothing else changes; zero: never.
func (w *Waning) Next() time.Time {
	if len(w.past) < 2 {
		return time.Time{}
	}
	return w.past[0].until
}
