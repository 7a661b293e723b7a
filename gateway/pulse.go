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
	// lag is how late this gateway's own work is. It must not ask the pulse.
	lag  func() fallback.Lag
	log  *slog.Logger
	wake chan struct{} // one slot: something may have changed
	// turned is called after the cadence changed.
	turned func()
	// sized is called with the room that the application has for polls after news.
	sized func(fallback.Room, fallback.Size, time.Time)
	// judged is called with each verdict that differs from the one before; at first, push is starting.
	judged func(fallback.Verdict)
	said   atomic.Pointer[said] // the cadence of the moment, for those whom the flag lets in

	mu         sync.Mutex // guards all below
	controller fallback.Controller
	flag       fallback.Flag
	returning  time.Time // until when those that the flag lets in again are spread
	budget     budget
}

// census is what the fleet tells of the pace to take, and how large it is.
type census struct {
	fallback.Census
	size fallback.Size
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
		controller: fallback.NewController(s.Policy, s.Flag.Enabled), flag: s.Flag,
	}
	p.said.Store(say(s.Policy.Cadence(fallback.Input{Push: fallback.Down})))
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
	p.mu.Lock()
	silent := p.controller.Tick(time.Now())
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
	p.controller.Turn(s.Policy, s.Flag.Enabled, over, now)
	p.flag = s.Flag
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
	before := p.controller.Verdict()
	verdict := p.controller.Judge(p.health.Verdict(now), p.lag(), now)
	c := p.census(verdict.Push, now)
	d := p.controller.Decide(c.Census, now)
	p.budget = budget{c.Load.Browsers(), c.Load.Polling, d.Capacity, d.Interval}
	p.sized(d.Room, c.size, now)
	turned := d.Cadence != p.now()
	if turned {
		p.said.Store(say(d.Cadence))
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
	return earliest(d.Next, now.Add(lookAgain))
}

// now is the cadence of those whom the flag lets in.
func (p *pulse) now() fallback.Cadence { return p.said.Load().Cadence }

// without is the cadence of those whom it does not.
func (p *pulse) without() fallback.Cadence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controller.Without()
}

// heard is the verdict of the moment.
func (p *pulse) heard() fallback.Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controller.Verdict()
}

// decided is what the last judgement came to.
func (p *pulse) decided() (step int, b budget) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controller.Step(), p.budget
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
