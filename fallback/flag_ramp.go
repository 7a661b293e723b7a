package fallback

import "time"

// strides is how many times the share changes in one ramp. With 11 of them a
// browser sees 12 intervals at most, the first and the last included.
const strides = 11

// Ramp is the gradual change between push off and push on. Its share is 0 if push counts for nothing (everybody polls fast)
// and 1 if it counts in full. It moves in equal steps after a [Ramp.Turn]. A Ramp is a value: methods change nothing, Turn
// returns a new one. The zero Ramp is off.
type Ramp struct {
	from  float64 // share at start
	on    bool    // the end: on or off
	start time.Time
	over  time.Duration // from start to the end; 0: it is at the end
}

// NewRamp returns a Ramp that is on or off already, as when a gateway starts.
func NewRamp(on bool) Ramp { return Ramp{on: on} }

// Turn returns the Ramp that leads from the share of r at now to on, within over; zero or less: at once. If r already leads
// there, Turn changes nothing, so that a reload does not start the ramp again, unless over is zero or less.
func (r Ramp) Turn(on bool, over time.Duration, now time.Time) Ramp {
	if over <= 0 {
		return NewRamp(on)
	}
	if on == r.on {
		return r
	}
	return Ramp{from: r.Share(now), on: on, start: now, over: over}
}

// On reports whether r leads to on, also before its end.
func (r Ramp) On() bool { return r.on }

// Share returns how much push counts at now, from 0 to 1. Before the start it is that of the start.
func (r Ramp) Share(now time.Time) float64 {
	target := 0.0
	if r.on {
		target = 1
	}
	// In this order of operations, rounding cannot miss the target or leave 0 to 1.
	return r.from + (target-r.from)*(float64(r.stride(now))/strides)
}

// Left returns how long r still takes at now; 0 at its end.
func (r Ramp) Left(now time.Time) time.Duration {
	return r.over - r.done(now)
}

// Next returns when the share changes next; zero: never.
func (r Ramp) Next(now time.Time) time.Time {
	if r.Left(now) == 0 {
		return time.Time{}
	}
	next := time.Duration(r.stride(now) + 1)
	return r.start.Add((next*r.over + strides - 1) / strides)
}

// done is how much of over has passed at now.
func (r Ramp) done(now time.Time) time.Duration {
	return min(max(now.Sub(r.start), 0), r.over)
}

// stride is how many strides are done at now.
func (r Ramp) stride(now time.Time) int {
	if r.over == 0 {
		return strides
	}
	return int(strides * r.done(now) / r.over)
}
