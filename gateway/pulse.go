package gateway

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// lookAgain is how often the fleet is looked at, even if nothing is reported: browsers come and go quietly.
const lookAgain = 2 * time.Second

// pulse decides the cadence of the moment, from health, flag, policy and the fleet's load, and tells when it changes.
type pulse struct {
	health *fallback.Health
	// census is the fleet at a time when this gateway's push is so. It must not ask the pulse.
	census func(fallback.Push, time.Time) census
	// strain is how this gateway does. It must not ask the pulse.
	strain func() fallback.Strain
	log    *slog.Logger
	wake   chan struct{} // one slot: something may have changed
	// turned is called after the cadence changed.
	turned func()
	// sized is called with the room that the application has for polls after news.
	sized func(fallback.Room, fallback.Size, time.Time)
	// judged is called with each verdict that differs from the one before; at first, push is starting.
	judged func(fallback.Verdict)
	said   atomic.Pointer[said] // the cadence of the moment, for those whom the flag lets in

	mu        sync.Mutex // guards all below
	policy    fallback.Policy
	flag      fallback.Flag
	ramp      fallback.Ramp
	returning time.Time // until when those that the flag lets in again are spread
	verdict   fallback.Verdict
	up        time.Time // since when push has not been down
	load      fallback.Saturation
	beat      fallback.Pulse // of the application
	trust     fallback.Trust
	stretch   fallback.Stretch
	budget    budget
}

// census is what the fleet tells of the pace to take.
type census struct {
	load  fallback.Load
	size  fallback.Size
	step  int  // the highest of the trust ramp among others
	fresh bool // this gateway has begun just now, and takes that step over
}

// budget is what the application can take, and what it is made to.
type budget struct {
	browsers int
	polling  int     // of these, without a stream
	capacity float64 // polls per second
	interval float64 // polls per second that come without news
}

func newPulse(s Settings, probe time.Duration, log *slog.Logger) *pulse {
	p := &pulse{
		health: fallback.NewHealth(probe), log: log, wake: make(chan struct{}, 1),
		policy: s.Policy, flag: s.Flag, ramp: fallback.NewRamp(s.Flag.Enabled),
		verdict: fallback.Verdict{Push: fallback.Down, Reason: fallback.ReasonStarting},
	}
	p.said.Store(say(p.policy.Cadence(fallback.Input{Push: p.verdict.Push})))
	return p
}

// echo and lost are what a source's evidence is wired to.
func (p *pulse) echo(sent time.Time) {
	p.health.Echo(sent, time.Now())
	p.signal()
}

func (p *pulse) lost(why version.Fault, _ error) {
	p.health.Lost(fallback.Reason(why), time.Now())
	p.signal()
}

// ticked takes a tick of the application.
func (p *pulse) ticked() {
	now := time.Now()
	p.mu.Lock()
	silent := p.beat.Silent(p.up, now)
	p.beat = p.beat.Tick(now)
	p.mu.Unlock()
	if silent {
		p.signal()
	}
}

func (p *pulse) signal() {
	signal(p.wake)
}

// apply takes new settings. A flag that is switched moves the interval over this time; one that lets more
// callers in spreads their coming over the same. A ramp that was cut to nothing counts as a change too: what is
// still on its way is to be there at once.
func (p *pulse) apply(s Settings, over time.Duration) (flagChanged bool) {
	p.mu.Lock()
	now := time.Now()
	flagChanged = !sameFlag(p.flag, s.Flag) || s.Flag.Ramp <= 0 && p.flag.Ramp > 0
	if flagChanged {
		p.returning = now.Add(over)
	}
	p.ramp = p.ramp.Turn(s.Flag.Enabled, over, now)
	p.policy, p.flag = s.Policy, s.Flag
	p.mu.Unlock()
	p.signal()
	return flagChanged
}

// run judges again whenever something is reported, and whenever time alone changes the verdict.
func (p *pulse) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
		}
		timer.Reset(time.Until(p.judge(time.Now())))
	}
}

// judge brings verdict and cadence up to date, and returns when it must be called again unless something is reported
// before.
func (p *pulse) judge(now time.Time) (next time.Time) {
	p.mu.Lock()
	before := p.verdict
	verdict := p.judgeLocked(now)
	p.verdict = verdict
	cadence := p.decideLocked(p.census(verdict.Push, now), now)
	turned := cadence != p.now()
	if turned {
		p.said.Store(say(cadence))
	}
	next = earliest(verdict.Until, p.ramp.Next(now), p.trust.Next(), p.stretch.Next(), now.Add(lookAgain))
	if due := p.beat.Due(p.up); due.After(now) {
		next = earliest(next, due)
	}
	p.mu.Unlock()

	if verdict.Push != before.Push || verdict.Reason != before.Reason {
		p.log.Info("push is "+verdict.Push.String(), "reason", string(verdict.Reason),
			"was", before.Push.String(), "was_reason", string(before.Reason))
		p.judged(verdict)
	}
	if turned {
		p.turned()
	}
	return next
}

// judgeLocked is the verdict of the evidence, and of what else there is to doubt.
func (p *pulse) judgeLocked(now time.Time) fallback.Verdict {
	v := p.health.Verdict(now)
	if p.verdict.Push == fallback.Down {
		p.up = now
	}
	if p.load = p.load.Follow(now, p.strain()); p.load.Over() {
		v = v.Doubt(fallback.ReasonSaturated)
	}
	if p.beat.Silent(p.up, now) {
		v = v.Doubt(fallback.ReasonTick)
	}
	return v
}

// decideLocked follows the fleet: how far push is trusted, how far the interval is stretched, and how much room is left.
func (p *pulse) decideLocked(c census, now time.Time) fallback.Cadence {
	if c.fresh {
		p.trust = p.trust.Take(c.step)
	}
	if p.verdict.Echoed { // before the first echo nothing has been proved, nor disproved
		p.trust = p.trust.Follow(p.policy, p.verdict.Push, now)
	}
	in := fallback.Input{Push: p.verdict.Push, Share: p.ramp.Share(now), Step: p.trust.Step()}
	p.stretch = p.stretch.Follow(p.policy, c.load, in, now)
	in.Fast = p.stretch.Fast()
	p.budget = budget{
		browsers: c.load.Browsers(), polling: c.load.Polling,
		capacity: p.policy.Capacity(c.load), interval: p.policy.Rate(c.load, in),
	}
	p.sized(fallback.Room{
		Rate: p.budget.capacity - p.budget.interval, Browsers: c.load.Open(), Longest: p.policy.Longest,
	}, c.size, now)
	return p.policy.Cadence(in)
}

// now is the cadence of those whom the flag lets in.
func (p *pulse) now() fallback.Cadence { return p.said.Load().Cadence }

// without is the cadence of those whom it does not.
func (p *pulse) without() fallback.Cadence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policy.Cadence(fallback.Input{Push: fallback.Off, Fast: p.stretch.Fast()})
}

// heard is the verdict of the moment.
func (p *pulse) heard() fallback.Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.verdict
}

// decided is what the last judgement came to.
func (p *pulse) decided() (step int, b budget) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trust.Step(), p.budget
}

// connectAfter spreads the coming of one caller after a change of the flag.
func (p *pulse) connectAfter() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := time.Until(p.returning)
	if left <= 0 {
		return 0
	}
	return time.Duration(rand.Float64() * float64(left))
}
