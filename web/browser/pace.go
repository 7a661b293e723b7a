package browser

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

// shortened is the due time after an interval got shorter: what is left of the wait shrinks as the interval does. So
// browsers that came evenly still do.
func shortened(due, now, old, ms Millis) Millis { return now + (due-now)*ms/old }

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
