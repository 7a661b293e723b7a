package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
	"nudge/version"
	"nudge/version/control"
)

// Options are the options of [New]. Source is needed, the zero value of all else works.
type Options struct {
	// Source makes where news comes from, writing to this board and for this gateway as its host. It is
	// called once, by New; the gateway runs what it returns.
	Source   func(*version.Board, Host) (version.Source, error)
	Settings Settings

	Probe  time.Duration // time between two probes of Source; 0: 2 s
	Proven bool          // nothing can break between publishing and Source: it is trusted from the beginning
	Listen time.Duration // for how long to listen to the fleet after the first echo, before wanting traffic

	Node     string // name of this gateway in answers and logs
	Instance string // of this process, unique among all
	Version  string // of Nudge

	BasePath   string   // below which all public paths live, such as /push; "": none
	Origins    []string // of pages elsewhere that may read answers; "*": all
	Cookie     string   // name of the cookie that may hold a token; "": none
	QueryToken bool     // whether ?token= may

	DrainDelay  time.Duration // between not being ready and the first goodbye
	DrainWindow time.Duration // in which all streams get theirs

	// Released is called once for each connection that the gateway took over from its server (see Listener), when it is
	// closed; nil: nobody counts. It must not block.
	Released func()

	// Crowd is called when parked streams begin to open by the hundred within a second, and with false when that is over:
	// the time to give memory back. It is called from one goroutine, in turn; nil: nobody cares.
	Crowd func(comes bool)

	Log *slog.Logger // nil: discarded
}

// Gateway is one gateway. [New] makes it, [Gateway.Run] runs what is not a request, the handlers serve.
type Gateway struct {
	opt       Options
	log       *slog.Logger
	current   atomic.Pointer[current]
	change    sync.Mutex // held while current is replaced by what follows from it
	board     *version.Board
	source    version.Source
	hub       *stream.Hub
	loops     []*loop.Loop
	turn      atomic.Uint64 // of the loops, to get the next stream
	crowd     chan struct{} // one slot: crowdStep more streams have come
	pace      *pace.Pacer
	admission *limits.Admission
	reports   limits.Reports // of missed news
	metrics   *metrics
	public    http.Handler
	ops       http.Handler

	begun       time.Time
	phase       atomicPhase
	flagChanged chan struct{} // one slot
}

// Host is what a source is told of the gateway that runs it.
type Host struct {
	version.Host
	Control func(control.Entries) // with all that the fleet is told, whenever it has changed
}

// New returns a gateway at rest.
func New(opt Options) (*Gateway, error) {
	if opt.Source == nil {
		return nil, errors.New("gateway: Options.Source is needed")
	}
	if opt.Crowd == nil {
		opt.Crowd = func(bool) {}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{opt: opt, log: opt.Log, begun: time.Now(), crowd: make(chan struct{}, 1), flagChanged: make(chan struct{}, 1)}
	c, err := newCurrent(opt.Settings, &g.opt)
	if err != nil {
		return nil, err
	}
	g.current.Store(c)
	g.board = version.NewBoard()
	g.pace = pace.New(pace.Options{
		Policy: opt.Settings.Policy, Flag: opt.Settings.Flag, Probe: opt.Probe, Proven: opt.Proven, Listen: opt.Listen,
		Node: opt.Node, Instance: opt.Instance, Version: opt.Version,
		Streams: g.streams, Lag: g.lag, Leaving: func() bool { return g.phase.Load() != serving },
		Board: g.board, Read: func(ctx context.Context, p version.Project) (version.Key, error) { return g.source.Read(ctx, p) },
		Changed: g.cadenceChanged, Log: opt.Log,
	})
	g.source, err = opt.Source(g.board, Host{g.pace.Host(), g.control})
	if err != nil {
		return nil, err
	}
	g.hub = stream.NewHub(stream.HubOptions{
		Board: g.board, Source: g.source, Spread: g.pace.News,
		Linger:   func() time.Duration { return 2 * g.current.Load().Policy.Slow },
		Projects: func() int { return g.current.Load().Limits.Projects },
	})
	g.admission = limits.NewAdmission(func() limits.Settings { return g.current.Load().Limits })
	g.metrics = newMetrics(g.source, g.pace, g.hub)
	g.loops = g.newLoops()
	g.public, g.ops = g.publicRoutes(), g.opsRoutes()
	return g, nil
}

// cadenceChanged tells all streams the new cadence. A held poll ends when push is down.
func (g *Gateway) cadenceChanged() {
	g.hub.WakePolls()
	for _, l := range g.loops {
		l.CadenceChanged()
	}
}

// Handler serves the public listener.
func (g *Gateway) Handler() http.Handler { return g.public }

// Ops serves the operators' listener: metrics, status, profiles.
func (g *Gateway) Ops() http.Handler { return g.ops }

// Run runs the source, delivers its news and keeps the cadence until ctx ends, and returns when all it
// started has ended. It outlasts the requests: end it after [Gateway.Drain] and the servers.
func (g *Gateway) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	tasks := []func(context.Context) error{g.source.Run, g.hub.Run, g.pace.Run, g.followFlag, g.crowds}
	for _, l := range g.loops {
		tasks = append(tasks, l.Run)
	}
	for _, task := range tasks {
		group.Go(func() error { return task(ctx) })
	}
	return group.Wait()
}

// Apply puts new settings in force, all at once, without dropping a stream that they still allow. What the fleet was
// told stays over their flag. At an error the old ones stay.
func (g *Gateway) Apply(s Settings) error {
	c, err := newCurrent(s, &g.opt)
	if err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	now := g.current.Load()
	c.Flag, c.revoked = pace.NewFlag(s.Flag, now.Flag.Fleet), now.revoked
	g.replaceLocked(c)
	g.hub.Fill()
	return nil
}

// Reloaded counts a reload of the configuration, and whether it could be applied.
func (g *Gateway) Reloaded(err error) {
	if err != nil {
		g.metrics.reloads.WithLabelValues("refused").Inc()
		g.metrics.reloadHealthy.Set(0)
		return
	}
	g.metrics.reloads.WithLabelValues("applied").Inc()
	g.metrics.reloadHealthy.Set(1)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lag is how late the slowest loop is.
func (g *Gateway) lag() (most time.Duration) {
	now := time.Now()
	for _, l := range g.loops {
		most = max(most, l.Lag(now))
	}
	return most
}
