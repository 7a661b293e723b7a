package gateway

import (
	"time"

	"nudge/gateway/pace"
	"nudge/version/control"
)

// replaceLocked puts c in force, and reports whether the flag changed. The caller holds g.change.
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

// overrideText names what an override does, for the log.
func overrideText(o *control.Override) string {
	switch {
	case o == nil:
		return "none"
	case o.Enabled:
		return "on"
	default:
		return "off"
	}
}

// applyControl applies the flag override and the revocations of the fleet. A second call with the same entries changes
// nothing.
func (g *Gateway) applyControl(e control.Entries) {
	g.change.Lock()
	defer g.change.Unlock()
	c := *g.current.Load()
	if c.Flag.Fleet.Stamp != e.Flag.Stamp {
		c.Flag = pace.NewFlag(c.Flag.Own, e.Flag)
		if !g.replaceLocked(&c) {
			g.log.Info("the fleet's flag override changed, without effect on this gateway", "override", overrideText(e.Flag.Override),
				"seq", e.Flag.Seq, "by", c.Flag.By())
		}
	}
	all := make([]control.Revocation, len(e.Revocations))
	for i, r := range e.Revocations {
		all[i] = r.Revocation
	}
	if n := g.revokeLocked(all...); n > 0 {
		g.log.Info("tokens were revoked", "revocations", n)
	}
}

// revokeLocked puts revocations in force, and returns how many of them are new. The caller holds g.change. Requests with a
// revoked token are refused from now on. All streams are checked within about a second, however many: each gets a goodbye,
// or a new hello that denies the project.
func (g *Gateway) revokeLocked(all ...control.Revocation) (fresh int) {
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
