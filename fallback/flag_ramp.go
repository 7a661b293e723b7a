package fallback

import "time"

// strides is how many times the share changes in one ramp. With 11 of them a
// browser sees 12 intervals at most, the first and the last included.
const strides = 11

// Ramp is the slope between push off and push on. Its share is 0 where push
// counts for nothing (everybody polls fast) and 1 where it counts in full, and
// moves in equal steps after a [Ramp.Turn]. A Ramp is a value: methods change
// nothing, Turn returns a new one. The zero Ramp rests at off.
type Ramp struct {
	from  float64 // share when the turn began
	on    bool    // where it leads
	start time.Time
	over  time.Duration // 0: it has arrived
}

// NewRamp returns a Ramp at rest: a gateway that starts with its flag on has no
// slope to climb.
func NewRamp(on bool) Ramp {
	return Ramp{on: on}
}

// Turn returns the Ramp that leads from where r is at now to on, and arrives
// after over; zero or less is at once. In the middle of a ramp the share goes on
// from its present value. Turning to where r already leads changes nothing (a
// reload does not start the ramp again), unless over asks to be there at once.
func (r Ramp) Turn(on bool, over time.Duration, now time.Time) Ramp {
	if over <= 0 {
		return NewRamp(on)
	}
	if on == r.on {
		return r
	}
	return Ramp{from: r.Share(now), on: on, start: now, over: over}
}

// On says where r leads, whether or not it has arrived.
func (r Ramp) On() bool { return r.on }

// Share returns how much push counts at now, from 0 to 1. Time before the turn
// counts as the turn.
func (r Ramp) Share(now time.Time) float64 {
	target := 0.0
	if r.on {
		target = 1
	}
	// In this order rounding cannot miss the target, nor leave 0 to 1.
	return r.from + (target-r.from)*(float64(r.stride(now))/strides)
}

// Left returns how long r still takes at now; 0 once it has arrived.
func (r Ramp) Left(now time.Time) time.Duration {
	return r.over - r.done(now)
}

// Next returns when the share next changes, the zero time once r has arrived: a
// controller sleeps until then instead of looking again and again.
func (r Ramp) Next(now time.Time) time.Time {
	if r.Left(now) == 0 {
		return time.Time{}
	}
	return r.start.Add(r.end(r.stride(now) + 1))
}

// done is how much of over has passed at now.
func (r Ramp) done(now time.Time) time.Duration {
	return min(max(now.Sub(r.start), 0), r.over)
}

// end is how long after the turn the k-th stride is done: k × over ÷ strides,
// rounded up, in an order that cannot overflow.
func (r Ramp) end(k int) time.Duration {
	n := time.Duration(k)
	return r.over/strides*n + (r.over%strides*n+strides-1)/strides
}

// stride is how many strides are done at now.
func (r Ramp) stride(now time.Time) int {
	k, done := 0, r.done(now)
	for k < strides && r.end(k+1) <= done {
		k++
	}
	return k
}
