package gateway

import (
	"context"
	"time"

	"nudge/gateway/status"
	"nudge/gateway/stream"
)

// The phases of a gateway.
const (
	serving int32 = iota
	leaving       // not ready, so that load balancers choose others, but still serving
	drained       // closing all streams; a new one is closed at once
)

var phases = [...]string{serving: "serving", leaving: "leaving", drained: "drained"}

// drained reports whether streams are sent to other gateways.
func (g *Gateway) drained() bool { return g.phase.Load() == drained }

const (
	// A goodbye tells the browser to wait drainAfter and a random part of drainSpread, and then to connect to another
	// gateway. The window has spread the goodbyes already. The spread is longer if the other gateways cannot take the
	// streams that fast.
	drainAfter  = time.Second
	drainSpread = 4 * time.Second
	// drainGrace is how long a goodbye may take to be written to a slow reader.
	drainGrace = 2 * time.Second
)

// Drain ends all streams: it makes /ready fail, waits until load balancers have noticed, sends the goodbyes evenly over
// the window, and returns as soon as the last stream has ended. It does not wait for stuck readers longer than the window
// and drainGrace. It returns early when ctx ends. Requests are served meanwhile; the caller stops listening afterwards.
func (g *Gateway) Drain(ctx context.Context) {
	g.phase.Store(leaving)
	g.note(status.Phase, "this gateway is leaving", "")
	g.log.Info("leaving: /ready fails, requests are still served; a second signal ends the process at once", "delay", g.opt.DrainDelay, "streams", g.streams())
	select {
	case <-ctx.Done():
		return
	case <-time.After(g.opt.DrainDelay):
	}
	g.phase.Store(drained)
	if g.follower != nil {
		defer g.follower.Drain(ctx)
	}
	polls, empty := g.hub.ClosePolls(), g.admission.Empty()
	g.log.Info("saying goodbye", "streams", g.streams(), "window", g.opt.DrainWindow)
	spread := g.pace.ReconnectSpread(g.current.Load().Limits.ConnectsPerSecond, g.opt.DrainWindow+drainSpread) - g.opt.DrainWindow
	last := stream.Goodbye{Reason: stream.Drain, AfterMS: drainAfter.Milliseconds(), SpreadMS: spread.Milliseconds()}
	for _, l := range g.loops {
		l.Dismiss(last, g.opt.DrainWindow)
	}
	end := time.After(g.opt.DrainWindow + drainGrace)
	endPolls(polls, g.opt.DrainWindow)
	select {
	case <-ctx.Done():
	case <-empty:
	case <-end:
		g.log.Warn("closing streams whose browsers do not read their goodbye", "streams", g.streams(),
			"fix", "nothing to do: these browsers are asleep or gone")
	}
}

// streams returns how many streams and held polls are open.
func (g *Gateway) streams() int { return g.admission.Open() }
