package gateway

import (
	"time"

	"nudge/gateway/pace"
	"nudge/version/control"
)

// replaceLocked puts c in force, and reports whether the flag changed. g.change is held.
func (g *Gateway) replaceLocked(c *current) (flagChanged bool) {
	c.rules = newRules(c)
	g.current.Store(c)
	if !g.pace.Apply(c.Policy, c.Flag.Flag) {
		return false
	}
	f := c.Flag
	g.log.Info("the flag changed", "enabled", f.Enabled, "percent", f.Percent, "include", f.Include, "exclude", f.Exclude,
		"ramp", f.Ramp, "by", f.By(), "seq", f.Fleet.Seq)
	signal(g.flagChanged)
	return true
}

// wordOf names what an override does.
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

// control applies what all gateways are told. Applying the same twice changes nothing.
func (g *Gateway) control(told control.Entries) {
	g.change.Lock()
	defer g.change.Unlock()
	c := *g.current.Load()
	if c.Flag.Fleet.Stamp != told.Flag.Stamp {
		c.Flag = pace.NewFlag(c.Flag.Own, told.Flag)
		if !g.replaceLocked(&c) {
			g.log.Info("the fleet's override of the flag changed, which changes nothing here", "override", wordOf(told.Flag.Override),
				"seq", told.Flag.Seq, "by", c.Flag.By())
		}
	}
	all := make([]Revocation, len(told.Revocations))
	for i, e := range told.Revocations {
		all[i] = e.Revocation
	}
	if n := g.revokeLocked(all...); n > 0 {
		g.log.Info("tokens were revoked", "revocations", n)
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

// revokeLocked puts revocations in force, and returns how many of them were not before. g.change is held.
func (g *Gateway) revokeLocked(all ...Revocation) (fresh int) {
	c := *g.current.Load()
	c.revoked, fresh = c.revoked.With(all, time.Now())
	if fresh == 0 {
		return 0
	}
	c.rules = newRules(&c)
	g.current.Store(&c)
	for _, l := range g.loops {
		l.TokensRevoked()
	}
	for _, p := range g.hub.Polls() {
		p.End()
	}
	return fresh
}
