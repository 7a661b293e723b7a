package browser

import "math"

// interval is the one in force. fast is for a browser that no stream serves, rare what its proven stream allows, 0 if it has
// none; uncovered: the stream leaves a project out; behind: the page knows of a version that it does not have.
func interval(fast, rare Millis, uncovered, behind bool) Millis {
	ms := rare
	if uncovered || rare == 0 {
		ms = fast
	}
	if behind {
		ms = min(ms, fast)
	}
	return ms
}

// jittered is the wait for an interval, with a draw from 0 to 1.
func jittered(ms Millis, jitter, draw float64) Millis { return ms * (1 - jitter + 2*jitter*draw) }

// residue is how much is left of the wait for an interval, at a moment that has nothing to do with it: for one of very many
// pages that have long gone by it, with a draw from 0 to 1. When an interval gets shorter each page draws such a rest: so
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
	draw               float64
	some               bool // there is a window
	served             bool // a poll has begun since the news; the window lasts until its end
}

func (w window) pending() bool { return w.some && !w.served }

// announced is the window after news. The first news fixes the due time. News after the window's poll has begun is for a
// window of its own, which starts where this one ends. due is when the page would poll anyway: within the window,
// that poll serves.
func (w window) announced(now, spread Millis, draw float64, due Millis) window {
	if w.pending() && w.start <= now {
		return w
	}
	start := now
	switch {
	case w.pending():
		start, draw = w.start, w.draw
	case w.some:
		start = max(now, w.start+w.spread)
	}
	place := start + draw*spread
	if due <= start+spread {
		place = due
	}
	return window{start: start, spread: spread, draw: draw, due: place, some: true}
}

// after is the window after a poll has begun, or nothing is left to poll for. One that had not started is not needed any more.
func (w window) after(now Millis) window {
	if !w.pending() {
		return w
	}
	if w.start > now {
		w.spread = 0
	}
	w.served = true
	return w
}
