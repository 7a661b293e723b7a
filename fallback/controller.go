package fallback

import "time"

// Controller decides for one gateway. From the evidence and the fleet it makes the present cadence, and the room that is
// left for news. Callers call [Controller.Judge] and then [Controller.Decide] whenever something has changed, and at
// Decision.Next. It holds no clock, and is not safe for concurrent use.
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

// Snapshot is what decides the cadence of the fleet at one moment.
type Snapshot struct {
	Load  Load
	Step  int  // the highest step of the trust ramp among the other gateways
	Fresh bool // this gateway is starting, and takes that step over
}

// Decision is the result of [Controller.Decide].
type Decision struct {
	// Cadence is for callers whom the flag admits.
	Cadence Cadence
	// Capacity is how many polls per second the application can take. Interval is how
	// many polls per second come without news at this cadence.
	Capacity, Interval float64
	// Room is what is left for news.
	Room Room
	// Next is when to judge and decide again if nothing changes; zero: never.
	Next time.Time
}

// NewController returns a Controller of a gateway that starts, with its flag on or off.
func NewController(p Policy, on bool) Controller {
	return Controller{policy: p, ramp: NewRamp(on), verdict: Verdict{Push: Down, Reason: ReasonStarting}}
}

// Trust makes push fully trusted, because nothing can break.
func (c *Controller) Trust() { c.trust = c.trust.Take(Trusted) }

// Turn applies new settings. If the flag is switched, the interval moves gradually for the time over.
func (c *Controller) Turn(p Policy, on bool, over time.Duration, now time.Time) {
	c.policy, c.ramp = p, c.ramp.Turn(on, over, now)
}

// Tick takes a tick of the application at now, and reports whether it ends a silence.
func (c *Controller) Tick(now time.Time) (wasSilent bool) {
	wasSilent = c.ticks.Silent(c.up, now)
	c.ticks = c.ticks.Tick(now)
	return wasSilent
}

// Judge returns the verdict at now: v, the verdict of Health, with the doubts about news, this gateway and the application.
// missed is until when DeafProjects makes push degraded.
func (c *Controller) Judge(v Verdict, missed time.Time, lag Lag, now time.Time) Verdict {
	if c.verdict.Push == Down {
		c.up = now
	}
	if now.Before(missed) {
		v = v.Doubt(ReasonMissed)
		v.Until = soonest(v.Until, missed)
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

// Verdict returns the verdict of the last Judge; before the first one, push is starting.
func (c *Controller) Verdict() Verdict { return c.verdict }

// Step returns the step of the trust ramp.
func (c *Controller) Step() int { return c.trust.Step() }

// Decide updates trust and stretch with the fleet at now, and returns what follows.
func (c *Controller) Decide(s Snapshot, now time.Time) Decision {
	if s.Fresh {
		c.trust = c.trust.Take(s.Step)
	}
	if c.verdict.Echoed { // before the first echo nothing has been proved, nor disproved
		c.trust = c.trust.Follow(c.policy, c.verdict.Push, now)
	}
	in := Input{Push: c.verdict.Push, Share: c.ramp.Share(now), Step: c.trust.Step()}
	ahead := in
	if !c.ramp.On() { // excluded browsers learn of a longer interval late, so it is long enough from the start of the ramp
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

// Without returns the cadence of callers whom the flag excludes.
func (c *Controller) Without() Cadence {
	return c.policy.Cadence(Input{Push: Off, Fast: c.stretch.Fast()})
}

// soonest returns the first of the times that are not zero.
func soonest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
