package pace

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/version"
)

const (
	// judgeAtLeast is the longest time between two judgements: streams open and close without a report.
	judgeAtLeast = 2 * time.Second
	// settleMost bounds a start. Without Redis a gateway serves all the same, and says that push is down.
	settleMost = 10 * time.Second
)

// Options are the options of [New]. The functions may be called from any goroutine and must not block; they are called
// under no lock of the pacer.
type Options struct {
	Policy fallback.Policy
	Flag   fallback.Flag // in force

	Probe  time.Duration // time between two probes of the source; 0: 2 s
	Proven bool          // nothing can break between publishing and the source: it is trusted from the beginning
	Listen time.Duration // how long a start listens to the fleet after the first echo

	Node     string // name of this gateway
	Instance string // of this process, unique among all
	Version  string // of Nudge

	Streams func() int           // streams and held polls that are open here
	Lag     func() time.Duration // how late this gateway does its work
	Leaving func() bool          // whether this gateway is shutting down

	// Reports of missed news are judged with Board, which has what this gateway believes, and with Read, which reads what is
	// stored.
	Board *version.Board
	Read  func(context.Context, version.Project) (version.Key, error)

	// Changed is called by [Pacer.Run] after the cadence changed.
	Changed func()
	// Judged is called by [Pacer.Run] after push or its reason changed, and Moved after a gateway joined or left the fleet. Not
	// for more gateways than the log has lines for.
	Judged func(was, now fallback.Verdict)
	Moved  func(fallback.Change)

	Log *slog.Logger
}

// Pacer decides the cadence. Its methods may be called from any goroutine.
type Pacer struct {
	opt    Options
	log    *slog.Logger
	begun  time.Time
	health *fallback.Health
	fleet  *fallback.Fleet
	lines  *rate.Limiter // of the log about the fleet: any publisher can invent gateways, and could fill the disk
	missed *missedReports
	// Streams counts the streams and held polls that are open here, as estimates of load count them.
	Streams limits.Tally
	limits.Pollers
	spreader

	wake      version.Signal                   // something may have changed
	cadence   atomic.Pointer[fallback.Cadence] // of callers whom the flag admits
	uncovered atomic.Int64
	unlogged  atomic.Int64  // changes of the fleet since the last line that were not logged because of the limit
	changes   atomic.Uint64 // of push or its reason
	settledAt atomic.Int64  // when the start is over, Unix nanoseconds; 0: no echo yet

	mu          sync.Mutex // guards all below
	controller  fallback.Controller
	flag        fallback.Flag
	spreadUntil time.Time // until when new streams are spread, after a change of the flag
	pressure    Pressure
	spent       spent
	since       time.Time // when push became what it is
}

// New returns a Pacer; [Pacer.Run] runs it. Push is down until the source proves that it works.
func New(opt Options) *Pacer {
	p := &Pacer{
		opt: opt, log: opt.Log, begun: time.Now(), health: fallback.NewHealth(opt.Probe),
		fleet: fallback.NewFleet(opt.Instance, opt.Probe), lines: rate.NewLimiter(1, 100), missed: newMissedReports(opt.Log),
		spent: spent{at: time.Now()}, wake: version.NewSignal(), controller: fallback.NewController(opt.Policy, opt.Flag.Enabled), flag: opt.Flag,
	}
	p.since = p.begun
	if opt.Proven {
		p.controller.Trust()
	}
	first := opt.Policy.Cadence(fallback.Input{Push: fallback.Down})
	p.cadence.Store(&first)
	return p
}

// Host returns the functions that a source calls: to report what it hears, and to ask what to say of this gateway.
func (p *Pacer) Host() version.Host {
	return version.Host{
		Evidence: version.Evidence{
			Echo: func(sent time.Time) {
				p.health.Echo(sent, time.Now())
				p.confirmDeaf(sent)
				p.wake.Set()
			},
			Lost: func(why version.Fault, _ error) {
				p.health.Lost(fallback.Reason(why), time.Now())
				p.wake.Set()
			},
		},
		Self: p.self, Peer: p.heard, Tick: p.ticked,
	}
}

// ticked takes a tick of the application.
func (p *Pacer) ticked() {
	p.mu.Lock()
	silent := p.controller.Tick(time.Now())
	p.mu.Unlock()
	if silent {
		p.wake.Set()
	}
}

// Run judges again whenever something is reported, and when time alone changes the verdict. It returns nil when ctx ends.
func (p *Pacer) Run(ctx context.Context) error {
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

// judge updates verdict and cadence. It returns when to call it again if nothing is reported before. Only one goroutine may
// call it.
func (p *Pacer) judge(now time.Time) (next time.Time) {
	own := member(p.self())
	size := p.fleet.Size(own, now)
	// While a gateway of the fleet is leaving, this one included, all its browsers reconnect at once: lag then says nothing
	// about push.
	lag := fallback.Lag{By: p.opt.Lag(), Excused: own.Leaving || size.Leaving}
	fresh := !p.Settled(now)
	_, missed := p.missed.deaf.Count(now)

	p.mu.Lock()
	before := p.controller.Verdict()
	p.spent.until(now, before.Push, p.Now(), own.Streams)
	verdict := p.controller.Judge(p.health.Verdict(now), missed, lag, now)
	if own.Push = verdict.Push; verdict.Push != before.Push {
		p.since = now
	}
	load := p.fleet.Load(own, now)
	d := p.controller.Decide(fallback.Snapshot{Load: load, Step: size.Step, Fresh: fresh}, now)
	p.pressure = Pressure{Browsers: load.Browsers(), Polling: load.Polling, Capacity: d.Capacity, Interval: d.Interval}
	p.mu.Unlock()

	p.resize(d.Room, size, now)
	changed := d.Cadence != p.Now()
	if changed {
		p.cadence.Store(&d.Cadence)
	}
	if verdict.Push != before.Push || verdict.Reason != before.Reason {
		p.log.Info("push is "+verdict.Push.String(), "reason", string(verdict.Reason),
			"was", before.Push.String(), "was_reason", string(before.Reason))
		p.changes.Add(1)
		p.opt.Judged(before, verdict)
		if verdict.Echoed && p.settledAt.Load() == 0 {
			p.settledAt.Store(time.Now().Add(p.opt.Listen).UnixNano())
		}
	}
	if changed {
		p.opt.Changed()
	}
	if again := now.Add(judgeAtLeast); d.Next.IsZero() || again.Before(d.Next) {
		return again
	}
	return d.Next
}

// Settled reports whether the start is over at now: the first echo has come and Options.Listen has passed since, or the start
// has taken settleMost.
func (p *Pacer) Settled(now time.Time) bool {
	until := p.settledAt.Load()
	return until != 0 && now.UnixNano() >= until || now.Sub(p.begun) >= settleMost
}

// Now returns the cadence of callers whom the flag admits.
func (p *Pacer) Now() fallback.Cadence { return *p.cadence.Load() }

// Without returns the cadence of callers whom the flag excludes.
func (p *Pacer) Without() fallback.Cadence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controller.Without()
}

// Verdict returns the last verdict on push.
func (p *Pacer) Verdict() fallback.Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.controller.Verdict()
}

// Since returns since when push is what it is.
func (p *Pacer) Since() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since
}

// Changes counts how often push or its reason has changed.
func (p *Pacer) Changes() uint64 { return p.changes.Load() }

// Pressure is the load on the application from the whole fleet, as far as this gateway knows.
type Pressure struct {
	Browsers int     `json:"browsers"`
	Polling  int     `json:"polling"`  // browsers that poll without a stream, counted by their tokens
	Capacity float64 `json:"budget"`   // polls per second that the application can take
	Interval float64 `json:"interval"` // polls per second that browsers make without news
	Backlog  float64 `json:"backlog"`  // polls that news caused and that have not come yet
	Step     int     `json:"step"`     // of the trust ramp
}

// Pressure returns the present load.
func (p *Pacer) Pressure() Pressure {
	p.mu.Lock()
	pressure := p.pressure
	pressure.Step = p.controller.Step()
	p.mu.Unlock()
	pressure.Backlog = p.pending()
	return pressure
}
