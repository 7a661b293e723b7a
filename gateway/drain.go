package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"nudge/gateway/stream"
)

// phase is how far a gateway is from its end.
type phase int32

const (
	serving phase = iota
	leaving       // not ready, so that load balancers choose others, but still serving
	drained       // saying goodbye to all streams, and at once to new ones
)

func (p phase) String() string { return [...]string{"serving", "leaving", "drained"}[p] }

type atomicPhase struct{ v atomic.Int32 }

func (a *atomicPhase) Load() phase   { return phase(a.v.Load()) }
func (a *atomicPhase) Store(p phase) { a.v.Store(int32(p)) }

// drained reports whether streams are sent to other gateways.
func (g *Gateway) drained() bool { return g.phase.Load() == drained }

const (
	// drainAfter and drainSpread say when the browsers of a leaving gateway come back, to another one. The window has
	// spread them already; the spread is longer only where the others cannot take them that fast.
	drainAfter  = time.Second
	drainSpread = 4 * time.Second
	// drainGrace is how long a goodbye may take to be written to a slow reader.
	drainGrace = 2 * time.Second
)

// Drain ends all streams: it fails /ready, waits until load balancers have noticed, says goodbye to all streams evenly
// over the window, and returns as soon as the last has ended. It waits for a reader that is stuck only for the window and
// a short grace. It returns early when ctx ends. Requests are served meanwhile; the caller stops listening afterwards.
func (g *Gateway) Drain(ctx context.Context) {
	g.phase.Store(leaving)
	g.log.Info("leaving: not ready any more, still serving; a second signal ends it at once", "delay", g.opt.DrainDelay, "streams", g.streams())
	select {
	case <-ctx.Done():
		return
	case <-time.After(g.opt.DrainDelay):
	}
	g.phase.Store(drained)
	polls, empty := g.hub.ClosePolls(), g.admission.Left()
	g.log.Info("saying goodbye", "streams", g.streams(), "window", g.opt.DrainWindow)
	spread := g.pace.ReconnectSpread(g.current.Load().Limits.ConnectsPerSecond, g.opt.DrainWindow+drainSpread) - g.opt.DrainWindow
	last := stream.Goodbye{Reason: stream.Drain, AfterMS: drainAfter.Milliseconds(), SpreadMS: spread.Milliseconds()}
	for _, l := range g.loops {
		l.Dismiss(last, g.opt.DrainWindow)
	}
	ending, stop := context.WithCancel(ctx)
	defer stop()
	end := time.After(g.opt.DrainWindow + drainGrace)
	go endPolls(ending, polls, g.opt.DrainWindow)
	select {
	case <-ctx.Done():
	case <-empty:
	case <-end:
		g.log.Warn("streams that took no goodbye are cut", "streams", g.streams())
	}
}

// streams is how many streams, and held polls, are open.
func (g *Gateway) streams() int {
	parked, goroutines := g.admission.Count()
	return parked + goroutines
}
