package gateway

import (
	"time"

	"nudge/fallback"
	"nudge/version/control"
)

// replaceLocked puts c in force, with the flag that follows from its own and from what the fleet was told, and reports
// whether that is another flag. g.change is held.
func (g *Gateway) replaceLocked(c *current) (flagChanged bool) {
	c.Flag = c.own
	if o := c.fleet.Override; o != nil {
		c.Flag = fallback.Override(*o).Over(c.own)
	}
	g.current.Store(c)
	over := c.Flag.Ramp
	if !g.settled(time.Now()) { // it learns what was set before it began: nobody's change, and nobody to spread
		over = 0
	}
	if !g.pulse.apply(c.Settings, over) {
		return false
	}
	f := c.Flag
	g.log.Info("the flag changed", "enabled", f.Enabled, "percent", f.Percent, "include", f.Include, "exclude", f.Exclude,
		"ramp", f.Ramp, "by", c.by(), "seq", c.fleet.Seq)
	signal(g.recast)
	return true
}

// by says who decided the flag in force.
func (c *current) by() string {
	if c.own.Enabled && c.fleet.Override != nil {
		return "override"
	}
	return "configuration"
}

// wordOf says what an override switches.
func wordOf(o *control.Override) string {
	switch {
	case o == nil:
		return "none"
	case o.Enabled:
		return "on"
	default:
		return "off"
	}
}

// control takes what all gateways are told. The same twice changes nothing.
func (g *Gateway) control(told control.Entries) {
	g.change.Lock()
	defer g.change.Unlock()
	c := *g.current.Load()
	if c.fleet.Stamp != told.Flag.Stamp {
		c.fleet = told.Flag
		if !g.replaceLocked(&c) {
			g.log.Info("the fleet's override of the flag changed, which changes nothing here", "override", wordOf(c.fleet.Override),
				"seq", c.fleet.Seq, "by", c.by())
		}
	}
	all := make([]Revocation, len(told.Revocations))
	for i, e := range told.Revocations {
		all[i] = e.Revocation
	}
	if n := g.revokeLocked(all...); n > 0 {
		g.log.Info("tokens were taken back", "revocations", n)
	}
}

// Revocation revokes tokens before they expire.
type Revocation = control.Revocation

// Revoke revokes tokens: streams that began with one end with a goodbye, or with a new hello that denies the project;
// later requests with it are refused. All streams are checked within a second or so, however many.
func (g *Gateway) Revoke(r Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	g.revokeLocked(r)
	return nil
}

// revokeLocked puts those of all in force that are not yet, and counts them. g.change is held.
func (g *Gateway) revokeLocked(all ...Revocation) (fresh int) {
	c := *g.current.Load()
	c.revoked, fresh = c.revoked.With(all, time.Now())
	g.current.Store(&c)
	if fresh == 0 {
		return 0
	}
	for _, l := range g.loops {
		l.post(l.purge.begin)
	}
	for _, w := range g.hub.all() {
		w.reconsider()
	}
	return fresh
}

// flagStatus is the flag in force, and what it follows from.
type flagStatus struct {
	Enabled  bool            `json:"enabled"`
	Percent  int             `json:"percent"`
	Include  []string        `json:"include"`
	Exclude  []string        `json:"exclude"`
	RampMS   int64           `json:"ramp_ms"`
	By       string          `json:"by"` // "configuration" or "override"
	Own      flagPart        `json:"own"`
	Override *overrideStatus `json:"override"` // nil: the fleet was never told anything, as far as was heard
}

// flagPart is what of a flag can be overridden.
type flagPart struct {
	Enabled bool   `json:"enabled"`
	Percent *int   `json:"percent"` // nil, here and below: not overridden
	RampMS  *int64 `json:"ramp_ms"`
}

// overrideStatus is what the fleet was told of the flag.
type overrideStatus struct {
	*flagPart           // nil: that there is no override any more
	Seq       int64     `json:"seq"`
	Time      time.Time `json:"time"`
}

func (c *current) flagStatus() flagStatus {
	f := c.Flag
	s := flagStatus{
		Enabled: f.Enabled, Percent: f.Percent, Include: orEmpty(f.Include), Exclude: orEmpty(f.Exclude),
		RampMS: f.Ramp.Milliseconds(), By: c.by(), Own: partOf(c.own.Enabled, &c.own.Percent, &c.own.Ramp),
	}
	if c.fleet.Seq > 0 {
		s.Override = &overrideStatus{Seq: c.fleet.Seq, Time: c.fleet.Time}
		if o := c.fleet.Override; o != nil {
			part := partOf(o.Enabled, o.Percent, o.Ramp)
			s.Override.flagPart = &part
		}
	}
	return s
}

func partOf(enabled bool, percent *int, ramp *time.Duration) flagPart {
	p := flagPart{Enabled: enabled, Percent: percent}
	if ramp != nil {
		ms := ramp.Milliseconds()
		p.RampMS = &ms
	}
	return p
}
