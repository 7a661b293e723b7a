package fallback

import "time"

// Controller is what one gateway decides: it follows the evidence and the fleet, and tells the cadence of the moment
// with the room that is left for news. Callers ask [Controller.Judge] and then [Controller.Decide] whenever something
// has changed, and when Decide said. It holds no clock, and is not safe for concurrent use.
type Controller struct {
	policy  Policy
	ramp    Ramp
	verdict Verdict
	up      time.Time // since when push has not been down
	late    Saturation
	ticks   TickMonitor
	trust   Trust
	stretch Stretch
}

// Snapshot is the fleet at one moment, as far as it decides the pace.
type Snapshot struct {
	Load  Load
	Step  int  // the highest of the trust ramp among others
	Fresh bool // this gateway has begun just now, and takes that step over
}

// Decision is what a [Controller] has come to.
type Decision struct {
	// Cadence is for those whom the flag lets in.
	Cadence Cadence
	// Capacity is how many polls per second the application can take, and Interval
	// how many of them come without news, by what is told now.
	Capacity, Interval float64
	// Room is what is left for news, beside those that come by what was told before, too.
	Room Room
	// Next is when to judge and decide again if nothing changes; zero: never.
	Next time.Time
}

// NewController returns a Controller of a gateway that starts, with its flag on or off.
func NewController(p Policy, on bool) Controller {
	return Controller{policy: p, ramp: NewRamp(on), verdict: Verdict{Push: Down, Reason: ReasonStarting}}
}

// Trust makes push trusted from the beginning: nothing can break.
func (c *Controller) Trust() { c.trust = c.trust.Take(Trusted) }

// Turn follows new settings. A flag that is switched moves the interval over this time.
func (c *Controller) Turn(p Policy, on bool, over time.Duration, now time.Time) {
	c.policy, c.ramp = p, c.ramp.Turn(on, over, now)
}

// Tick takes a tick of the application at now, and tells whether that ends a silence.
func (c *Controller) Tick(now time.Time) (silent bool) {
	silent = c.ticks.Silent(c.up, now)
	c.ticks = c.ticks.Tick(now)
	return silent
}

// Judge is the verdict at now: that of Health, and what else there is to doubt.
func (c *Controller) Judge(v Verdict, lag Lag, now time.Time) Verdict {
	if c.verdict.Push == Down {
		c.up = now
	}
	if c.late = c.late.Follow(now, lag); c.late.Over() {
		v = v.Doubt(ReasonSaturated)
	}
	if c.ticks.Silent(c.up, now) {
		v = v.Doubt(ReasonTick)
	}
	c.verdict = v
	return v
}

// Verdict is that of the last Judge; before it, push is starting.
func (c *Controller) Verdict() Verdict { return c.verdict }

// Step is how far push is trusted.
func (c *Controller) Step() int { return c.trust.Step() }

// Decide follows the fleet at now: how far push is trusted, how far the interval is stretched, and how much room is left.
func (c *Controller) Decide(s Snapshot, now time.Time) Decision {
	if s.Fresh {
		c.trust = c.trust.Take(s.Step)
	}
	if c.verdict.Echoed { // before the first echo nothing has been proved, nor disproved
		c.trust = c.trust.Follow(c.policy, c.verdict.Push, now)
	}
	in := Input{Push: c.verdict.Push, Share: c.ramp.Share(now), Step: c.trust.Step()}
	ahead := in
	if !c.ramp.On() { // those who are sent away learn of a longer interval late, so it is long enough from the beginning
		ahead.Share = 0
	}
	c.stretch = c.stretch.Follow(c.policy, s.Load, ahead, now)
	in.Fast = c.stretch.Fast()
	d := Decision{
		Cadence: c.policy.Cadence(in), Capacity: c.policy.Capacity(s.Load), Interval: c.policy.Rate(s.Load, in),
		Next: soonest(c.verdict.Until, c.ramp.Next(now), c.trust.Next(), c.stretch.Next()),
	}
	if due := c.ticks.Due(c.up); due.After(now) {
		d.Next = soonest(d.Next, due)
	}
	d.Room = Room{Rate: d.Capacity - d.Interval, Few: max(1, fewShare*d.Capacity), Browsers: s.Load.Open(), Longest: c.policy.Longest}
	return d
}

// Without is the cadence of those whom the flag does not let in.
func (c *Controller) Without() Cadence {
	return c.policy.Cadence(Input{Push: Off, Fast: c.stretch.Fast()})
}

// soonest is the first of those that are not zero.
func soonest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
