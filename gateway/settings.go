package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/rollout"
	"nudge/gateway/status"
	"nudge/gateway/stream"
	"nudge/version/control"
)

// Settings may change while streams are open, by [Gateway.Apply]. The zero value admits no caller: it has no keys, and its
// flag is off.
type Settings struct {
	Flag   fallback.Flag
	Policy fallback.Policy
	Auth   auth.Settings
	Limits limits.Settings
	CORS   auth.CORS
}

// current is the settings in force, and what is derived from them. It is replaced, never changed.
type current struct {
	Settings
	Flag     pace.Flag // in force: the flag of the settings, with the override of the fleet
	verifier *auth.Verifier
	revoked  auth.Revocations
	rules    *stream.Rules // flag and revocations, for streams
}

// newCurrent reads the key sets of s that are not in use yet. When the gateway is starting, key servers need not answer.
func newCurrent(s Settings, opt *Options, keys *jwks.Keeper, starting bool) (*current, error) {
	for _, p := range s.Limits.TrustedProxies {
		if !p.IsValid() {
			return nil, errors.New("limits.trusted_proxies: a prefix is not valid")
		}
	}
	sets, err := keys.Open(context.Background(), starting, s.Auth.Sources()...)
	if err != nil {
		return nil, fmt.Errorf("the keys that tokens are verified with: %w", err)
	}
	s.Limits = s.Limits.WithDefaults()
	s.Limits.WarnOfFiles(opt.Log)
	places := auth.Places{Cookie: auth.Jar{Name: opt.Cookie, Path: opt.BasePath}, Query: opt.QueryToken}
	c := &current{
		Settings: s, Flag: pace.NewFlag(s.Flag, control.FlagEntry{}), verifier: auth.NewVerifier(s.Auth, places, sets, opt.Log),
	}
	c.rules = newRules(c)
	return c, nil
}

// replaceLocked puts c in force, and reports whether the flag changed. If so, every stream and held poll follows it, evenly over
// its ramp. The caller holds g.change.
func (g *Gateway) replaceLocked(c *current) (flagChanged bool) {
	c.rules = newRules(c)
	g.current.Store(c)
	if !g.pace.Apply(c.Policy, c.Flag.Flag) {
		return false
	}
	f := c.Flag
	g.note(status.Flag, flagText(f), "")
	g.log.Info("the flag changed", "enabled", f.Enabled, "percent", f.Percent, "include", f.Include, "exclude", f.Exclude,
		"ramp", f.Ramp, "by", f.By(), "seq", f.Fleet.Seq)
	for _, l := range g.loops {
		l.FlagChanged(f.Ramp)
	}
	endPolls(g.hub.Polls(), f.Ramp)
	return true
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
			g.log.Info("the fleet's flag override changed, without effect on this gateway", "seq", e.Flag.Seq, "by", c.Flag.By())
		}
	}
	g.revokeLocked(e.ByState())
}

// revokeLocked puts revocations in force, and ends those that were taken back. The caller holds g.change. Requests with a
// revoked token are refused from now on. All streams are checked within about a second, however many: each gets a goodbye, or a
// new hello that denies the project.
func (g *Gateway) revokeLocked(inForce, cleared []control.Revocation) {
	c, fresh := *g.current.Load(), 0
	c.revoked, fresh = c.revoked.With(inForce, cleared, time.Now())
	c.rules = newRules(&c)
	g.current.Store(&c)
	if fresh == 0 {
		return
	}
	g.log.Info("tokens were revoked", "revocations", fresh)
	for _, l := range g.loops {
		l.TokensRevoked()
	}
	endPolls(g.hub.Polls(), 0)
}

// rollOut carries out the rollout of the fleet, if there is one, until ctx ends.
func (g *Gateway) rollOut(ctx context.Context) error {
	if g.fleet == nil {
		return nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	failed := false // to replace the flag; it is logged once
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if g.nextStep(ctx, now) == failed {
				failed = !failed
				if failed {
					g.log.Warn("the next step of the rollout cannot be stored in Redis; it is tried again each second",
						"fix", "see the last error of Redis in this log, and the rights in docs/redis.md")
				}
			}
		}
	}
}

// nextStep decides by what this gateway has seen of the rollout. It returns false if the decision could not be stored.
func (g *Gateway) nextStep(ctx context.Context, now time.Time) (stored bool) {
	w, seen := g.rollout.Load(), g.rolloutSeen()
	if e := g.current.Load().Flag.Fleet; w == nil || w.Entry.Stamp != e.Stamp {
		next := rollout.Begin(e, seen, now)
		w = &next
		g.rollout.Store(w)
	}
	next := w.Decide(seen, now).Next
	if next == nil {
		return true
	}
	replaced, err := g.fleet.ReplaceFlag(ctx, w.Entry.Seq, *next)
	switch {
	case err != nil:
		return ctx.Err() != nil
	case !replaced: // another gateway, or a person
	case !next.Enabled:
		g.log.Warn("the rollout is over and push is switched off, since a guard found a fault", "guard", next.Why,
			"fix", "find the cause in nudge status, then begin again with nudge push on --ramp-to")
	case next.Rollout == nil:
		g.log.Info("the rollout has reached its goal", "percent", *next.Percent)
	default:
		g.log.Info("the rollout goes on", "percent", *next.Percent, "goal", next.Rollout.Goal)
	}
	return true
}

func (g *Gateway) rolloutSeen() rollout.Seen {
	s := rollout.Seen{
		Advances: g.metrics.advances.Load(), Slow: g.metrics.slow.Load(), Caused: g.metrics.caused.Load(), Saved: g.pace.Saved(),
		Healthy: g.pace.Verdict().Push == fallback.Healthy, Streams: g.streams(),
	}
	for _, f := range []fallback.Fault{fallback.FaultPublisher, fallback.FaultDeaf, fallback.FaultDelivery, fallback.FaultData} {
		s.Missed += g.pace.MissedCount(f)
	}
	return s
}

// rolloutStatus is the rollout as this gateway sees it; nil: there is none.
func (g *Gateway) rolloutStatus(now time.Time) *rollout.Status {
	w := g.rollout.Load()
	if w == nil {
		return nil
	}
	return w.Status(g.rolloutSeen(), now)
}

// limitConnections puts the limits of connections in force.
func (g *Gateway) limitConnections() {
	if l := g.current.Load().Limits; g.opt.Connections != nil {
		g.opt.Connections.Set(l.ConnectionsPerAddress, l.TrustedProxies)
	}
}
