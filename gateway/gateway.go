// Package gateway is the HTTP side of Nudge: one thin handler for each path, and the wiring of its rooms.
//
// A request meets gateway/auth, which says who the caller is, and gateway/limits, which says whether there is room. A
// refusal of either becomes an answer in problem.go. Streams live in gateway/stream; gateway/pace decides how often
// browsers poll. docs/architecture.md has the whole picture.
//
// Everything that may change while streams are open is in one immutable value, current. A handler loads it once, so that
// it decides by one state of the settings. Code that replaces it holds Gateway.change.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/rollout"
	"nudge/gateway/shadow"
	"nudge/gateway/status"
	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
	"nudge/version"
	"nudge/version/control"
)

// Options are the options of [New]. Source is needed; the zero value of all others works.
type Options struct {
	// Source returns a source that writes to this board and reports to this host. New calls it once; the gateway runs the
	// source.
	Source   func(*version.Board, Host) (version.Source, error)
	Settings Settings

	// KeyServer sends the requests to the key servers of Settings.Auth; nil: over the network.
	KeyServer http.RoundTripper

	Probe  time.Duration // time between two probes of the source; 0: 2 s
	Proven bool          // nothing can break between publishing and the source, so it is trusted from the beginning
	Listen time.Duration // how long to listen to the fleet after the first echo, before the gateway is ready

	Node     string // name of this gateway in answers and logs
	Instance string // of this process, unique among all
	Version  string // of Nudge

	Hosts    []string // names under which the public listener answers, besides addresses; empty: any
	OpsHosts []string // names under which the operators' listener answers, besides addresses and localhost; "*": any

	BasePath   string // what all public paths begin with, such as /push; "": nothing
	Cookie     string // name of the cookie that may hold a token; "": none
	QueryToken bool   // whether ?token= may hold one

	HSTS time.Duration // for how long a browser asks this host only over TLS, once it got an answer over TLS; 0: it forgets that

	DrainDelay  time.Duration // between not being ready and the first goodbye
	DrainWindow time.Duration // over which the goodbyes are spread

	// Connections counts the connections of the public listener. The gateway gives the place of each connection back that it
	// took over from its server, when it closes it. nil: they are not counted.
	Connections *limits.Connections

	// ConnectBurst is called with true when a hundred streams open within a second, and with false when this is over: then
	// memory can be given back. One goroutine calls it. nil: not called.
	ConnectBurst func(begins bool)

	Tracer Tracer // nil: nothing is traced

	// StatusStream lets the status page follow by a stream. Without it the page polls.
	StatusStream bool
	inner        bool // it serves a status page: one loop is enough

	Log *slog.Logger // nil: discarded
}

// Tracer records what a gateway does in the trace of a publisher. Its methods must not block: locks are held.
type Tracer interface {
	// Publish begins a span. The message carries the trace that it returns. end ends the span; the error is nil or why
	// publishing failed.
	Publish(version.Project, version.Trace) (carried version.Trace, end func(error))
	// Received records that a change arrived. Polls of pages belong to the trace that it returns. delivered is called by each
	// loop that has written the change to all of its streams.
	Received(version.Change) (page version.Trace, delivered func())
}

// Gateway is one gateway. Its handlers serve requests; [Gateway.Run] runs everything else.
type Gateway struct {
	opt       Options
	log       *slog.Logger
	current   atomic.Pointer[current]
	change    sync.Mutex // held while current is replaced
	keys      *jwks.Keeper
	lost      *auth.LostCookies
	board     *version.Board
	source    version.Source
	fleet     fleet // the source, if other gateways share it; else nil
	hub       *stream.Hub
	loops     []*loop.Loop
	cuts      stream.Cuts
	bursts    *limits.Bursts // counts the streams so far; the loops get them in turn
	pace      *pace.Pacer
	heartbeat atomic.Pointer[stream.HeartbeatEvent]
	admission *limits.Admission
	quotas    *limits.Quotas
	refusals  refusals // that were logged
	metrics   *metrics
	history   *status.History
	reload    atomic.Pointer[Reload]
	rollout   atomic.Pointer[rollout.Watch] // nil at first
	shadow    *shadow.Keeper
	follower  *Gateway     // nil: the status page has no stream
	revision  atomic.Int64 // of the status page
	public    http.Handler
	ops       http.Handler

	begun time.Time
	late  atomic.Int64 // of the slowest loop, at the last judgement of push, nanoseconds
	phase atomic.Int32 // serving, leaving or drained
}

// Host is the gateway as a source sees it.
type Host struct {
	version.Host
	Control func(control.Entries) // called with all control entries of the fleet whenever one has changed
}

// fleet is a source through which gateways tell one another what is in force, and what they have seen. Redis is one.
type fleet interface {
	Revoke(context.Context, control.Revocation) (control.RevocationEntry, error)
	// ReplaceFlag changes the override of all gateways, unless somebody else was first.
	ReplaceFlag(ctx context.Context, seq int64, o control.Override) (replaced bool, err error)
	ExchangeShadow(ctx context.Context, text string, keep time.Duration) (others []string, err error)
}

// New returns a gateway. It starts nothing.
func New(opt Options) (*Gateway, error) {
	if opt.Source == nil {
		return nil, errors.New("gateway: Options.Source is needed")
	}
	if opt.ConnectBurst == nil {
		opt.ConnectBurst = func(bool) {}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{opt: opt, log: opt.Log, begun: time.Now(), bursts: limits.NewBursts(), history: status.NewHistory()}
	g.revision.Store(g.begun.UnixMilli()) // so that it also grows when the gateway starts again
	g.keys, g.lost = jwks.NewKeeper(opt.KeyServer, opt.Log), auth.NewLostCookies(opt.Log)
	c, err := newCurrent(opt.Settings, &g.opt, g.keys, true)
	if err != nil {
		return nil, err
	}
	g.current.Store(c)
	g.limitConnections()
	g.board = version.NewBoard()
	g.pace = pace.New(pace.Options{
		Policy: opt.Settings.Policy, Flag: opt.Settings.Flag, Probe: opt.Probe, Proven: opt.Proven, Listen: opt.Listen,
		Node: opt.Node, Instance: opt.Instance, Version: opt.Version,
		Streams: g.streams, Lag: g.lag, Leaving: func() bool { return g.phase.Load() != serving },
		Board: g.board, Read: func(ctx context.Context, p version.Project) (version.Key, error) { return g.source.Read(ctx, p) },
		Changed: g.cadenceChanged, Judged: g.judged, Moved: g.moved, Log: opt.Log,
	})
	host := g.pace.Host()
	echo := host.Echo
	host.Echo = func(sent time.Time) {
		g.metrics.probes.Observe(time.Since(sent).Seconds())
		echo(sent)
	}
	g.source, err = opt.Source(g.board, Host{host, g.applyControl})
	if err != nil {
		return nil, err
	}
	g.shadow = shadow.NewKeeper(nil)
	if fleet, ok := g.source.(fleet); ok {
		g.fleet, g.shadow = fleet, shadow.NewKeeper(fleet.ExchangeShadow)
	}
	g.hub = stream.NewHub(stream.HubOptions{
		Received: g.received,
		Board:    g.board, Source: g.source, Tabs: limits.Tabs, Spread: g.news,
		Linger: func() time.Duration {
			p := g.current.Load().Policy
			return 2 * max(p.Slow, p.Longest)
		},
		Projects: func() int { return g.current.Load().Limits.Projects },
	})
	inForce := func() limits.Settings { return g.current.Load().Limits }
	g.admission, g.quotas = limits.NewAdmission(inForce), limits.NewQuotas(inForce)
	g.metrics = newMetrics(g)
	g.renderCadence()
	g.loops = g.newLoops()
	if opt.StatusStream {
		if g.follower, err = newFollower(&g.opt); err != nil {
			return nil, err
		}
	}
	g.public, g.ops = g.publicRoutes(), g.opsRoutes()
	return g, nil
}

// Handler serves the public listener.
func (g *Gateway) Handler() http.Handler { return g.public }

// Ops serves the operators' listener: metrics, status, profiles.
func (g *Gateway) Ops() http.Handler { return g.ops }

// Run runs source, hub, loops and pacer until ctx ends, and returns when all have ended. Requests need it: end it after
// [Gateway.Drain] and the servers.
func (g *Gateway) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	tasks := []func(context.Context) error{
		g.source.Run, g.hub.Run, g.pace.Run, g.keys.Run, g.rollOut, g.sumRefusals, g.sample, g.shadow.Run,
		func(ctx context.Context) error { return g.bursts.Run(ctx, g.opt.ConnectBurst) },
	}
	replacer := loop.Replacer{Loops: g.loops, Crowds: g.admission.Crowds(), Crowded: g.admission.Crowded}
	tasks = append(tasks, replacer.Run)
	for _, l := range g.loops {
		tasks = append(tasks, l.Run)
	}
	if g.follower != nil {
		tasks = append(tasks, g.follower.Run)
	}
	for _, task := range tasks {
		group.Go(func() error { return task(ctx) })
	}
	return group.Wait()
}

// Apply puts new settings in force, all at once. It ends no stream that they still allow. The fleet's override of the flag
// stays in force. It first reads the key sets that are new, for some seconds at most. After an error the old settings stay.
func (g *Gateway) Apply(s Settings) error {
	c, err := newCurrent(s, &g.opt, g.keys, false)
	if err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	now := g.current.Load()
	c.Flag, c.revoked = pace.NewFlag(s.Flag, now.Flag.Fleet), now.revoked
	g.replaceLocked(c)
	g.limitConnections()
	g.hub.Fill()
	return nil
}

// Reload is what became of a changed configuration.
type Reload struct {
	At      time.Time `json:"at"`
	Applied bool      `json:"applied"` // it was not refused
	Changed []string  `json:"changed"` // keys whose new values are in force
	Problem string    `json:"problem"` // why it was refused, or which keys wait for a restart; "": all of it is in force
}

// Reloaded counts a reload of the configuration, and shows it to operators.
func (g *Gateway) Reloaded(r Reload) {
	outcome := "refused"
	if r.Applied {
		outcome = "applied"
	}
	g.metrics.reloads.WithLabelValues(outcome).Inc()
	g.metrics.reloadHealthy.Set(truth(r.Problem == ""))
	if r.Changed == nil {
		r.Changed = []string{} // null in JSON
	}
	r.At, r.Problem = time.Now(), strings.ReplaceAll(strings.TrimSpace(r.Problem), "\n", "; ")
	last := g.reload.Swap(&r)
	if len(r.Changed) > 0 || r.Problem != "" && (last == nil || last.Problem != r.Problem) {
		g.note(status.Reload, r.Text(), "")
	}
}

// news returns the spread of an advance that somebody watches, and counts it.
func (g *Gateway) news(i version.Index, own int, now time.Time) time.Duration {
	spread := g.pace.News(i, own, now)
	g.metrics.advances.Add(1)
	g.metrics.caused.Add(uint64(own))
	if spread > g.current.Load().Policy.Fast {
		g.metrics.slow.Add(1)
	}
	g.metrics.spread.Observe(spread.Seconds())
	return spread
}

// lag returns how late the slowest loop is.
func (g *Gateway) lag() (most time.Duration) {
	defer func() { g.late.Store(int64(most)) }()
	now := time.Now()
	for _, l := range g.loops {
		most = max(most, l.Lag(now))
	}
	return most
}
