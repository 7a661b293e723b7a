package browser

import "math"

func between(random func() float64, low, high float64) float64 { return low + (high-low)*random() }

// stretched is a wait that a server asked for as a minimum.
func stretched(random func() float64, ms Millis, jitter float64) Millis {
	return ms * between(random, 1, 1+jitter)
}

// backoff is full jitter: anything from floor to the n-th doubling of step, most at most.
func backoff(random func() float64, n int, step, floor, most Millis) Millis {
	return between(random, floor, max(floor, min(most, math.Ldexp(step, n))))
}

// jittered is the wait for an interval, with a draw from 0 to 1.
func jittered(ms Millis, jitter, draw float64) Millis { return ms * (1 - jitter + 2*jitter*draw) }

// residue is how much is left of the wait for an interval, at a moment that has nothing to do with it: for one of very many
// pages that have long gone by it, with a draw from 0 to 1. When an interval changes each page draws such a rest: so
// they come as evenly as pages that never did otherwise, whatever they did before.
//
// That an interval varies by jitter makes short rests more likely than long ones: as likely as each other up to 1 − jitter,
// then less and less, up to 1 + jitter.
func residue(ms Millis, jitter, draw float64) Millis {
	if draw < 1-jitter {
		return ms * draw
	}
	return ms * (1 + jitter - 2*math.Sqrt(jitter*(1-draw)))
}

// window is the time over which the polls for some news are spread, and this browser's place in it.
type window struct {
	start, spread, due Millis
	before             Millis // the spread of the one that this one follows; 0: of none
	draw               float64
	some               bool // there is a window
	served             bool // a poll has begun since the news; the window lasts until its end
}

func (w window) pending() bool { return w.some && !w.served }

// announced is the window after news. The first news sets the due time; later news with a shorter spread may bring it forward.
// News after the window's poll has begun is for a window of its own, which starts where this one ends. due is when the page
// would poll anyway: within the window, that poll serves.
//
// A window that follows another is at least as wide, as far as this page's place in it goes: very many have waited for the
// same end, and not all of them may come right then. News without a spread waits for no window.
func (w window) announced(now, spread Millis, draw float64, due Millis) window {
	if w.pending() && w.start <= now {
		if spread < w.spread {
			w.due = min(w.due, now+spread*w.draw)
		}
		return w
	}
	next := window{start: now, spread: spread, draw: draw, some: true, due: Never}
	switch {
	case w.pending():
		next.start, next.draw, next.before, next.due = w.start, w.draw, w.before, w.due
	case w.some && w.start+w.spread > now:
		next.start, next.before = w.start+w.spread, w.spread
	}
	if spread == 0 {
		next.due = now
		return next
	}
	width := max(spread, next.before)
	if due > next.start+width {
		due = next.start + next.draw*width
	}
	next.due = min(next.due, due)
	return next
}

// after is the window after a poll has begun, or nothing is left to poll for. Before it starts, the one before it still lasts.
func (w window) after(now Millis) window {
	if !w.pending() {
		return w
	}
	if w.start > now {
		w.start, w.spread = w.start-w.before, w.before
	}
	w.served = true
	return w
}
