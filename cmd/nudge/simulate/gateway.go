package simulate

import (
	"fmt"
	"time"

	"nudge/cmd/nudge/simulate/browser"
	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/version"
)

// phase is the phase of a gateway's life.
type phase uint8

const (
	serving phase = iota
	leaving       // not ready, but still accepting streams
	drained       // sending goodbyes; a new stream gets one at once
)

// lookAgain is how often a gateway decides again, even if nothing has happened. readyMost is how long it is not ready at most
// when it starts. Both are in milliseconds.
const lookAgain, readyMost = 2000, 10_000

// gateway is one gateway. The real controller makes its decisions.
type gateway struct {
	w     *simulation
	index int
	life  int // how often it has started

	alive, balanced bool // balanced: the load balancer sends it new requests
	phase           phase
	begun           int64
	listenUntil     int64

	cut, connected bool // cut: it cannot reach Redis; connected: it has a subscription
	failures       int  // failed connects since it was connected last
	echoed         int64

	controller fallback.Controller
	health     *fallback.Health
	fleet      *fallback.Fleet
	pollers    limits.Pollers
	backlog    fallback.Backlog
	queue      fallback.Queue // of pages that wait to open a stream
	returns    fallback.Queue // of pages that ask again why they have none
	size       fallback.Size
	cadence    fallback.Cadence
	said       browser.Message // the cadence as streams get it
	on         bool            // the flag
	returning  int64           // until when pages that the flag includes again connect at random times
	allowance  float64         // of new streams
	allowed    int64           // when that was computed

	streams   []uint32
	watchers  [][]watcher // by project
	board     *version.Board
	watched   []watched
	numbers   []uint32 // projects by their index on the board
	changes   []version.Change
	windows   []fallback.Window
	sweep     sweep
	drainStep drainStep
}

func newGateway(w *simulation, index int) *gateway {
	g := &gateway{
		w: w, index: index, watchers: make([][]watcher, len(w.projects)),
		watched: make([]watched, len(w.projects)), windows: make([]fallback.Window, len(w.projects)),
	}
	g.start()
	if w.o.Play == nil {
		g.controller.Trust() // the fleet has been healthy for long
		g.balanced = true
	}
	return g
}

func (g *gateway) number(kind int) uint32 { return g.w.ofGateway(kind, g.index) }

func (g *gateway) name() string { return fmt.Sprintf("gw-%d-%d", g.index+1, g.life) }

// start starts the process.
func (g *gateway) start() {
	o := &g.w.o
	g.life++
	*g = gateway{
		w: g.w, index: g.index, life: g.life, alive: true, begun: g.w.now(), cut: g.cut, on: !g.w.off, drainStep: g.drainStep,
		controller: fallback.NewController(o.Policy, !g.w.off), health: fallback.NewHealth(o.Probe),
		fleet: fallback.NewFleet(fmt.Sprintf("gw-%d-%d", g.index+1, g.life), o.Probe), streams: g.streams[:0],
		watchers: g.watchers, watched: g.watched, board: version.NewBoard(), numbers: g.numbers[:0], changes: g.changes, windows: g.windows,
	}
	clear(g.watched)
	clear(g.windows)
	g.tune(o.Policy.Cadence(fallback.Input{Push: fallback.Down}))
	g.w.timers.set(g.number(connect), g.w.now()+50+int64(g.w.random()*float64(o.Probe.Milliseconds()))) // gateways do not probe in step
	g.w.timers.set(g.number(decide), g.w.now()+1)
	g.w.timers.set(g.number(lifecycle), g.w.now()+500)
}

func (g *gateway) happen(kind int) {
	switch kind {
	case probe:
		g.probe()
	case decide:
		g.decide()
	case sweepTimer:
		g.continueSweep()
	case connect:
		g.connect()
	case lifecycle:
		g.nextLifecycle()
	}
}

func (g *gateway) signal() { g.w.timers.set(g.number(decide), g.w.now()) }

func (g *gateway) settled() bool {
	return g.listenUntil != 0 && g.w.now() >= g.listenUntil || g.w.now()-g.begun >= readyMost
}

// self is what the gateway sends with each probe.
func (g *gateway) self() fallback.Member {
	return fallback.Member{
		Instance: g.name(), Node: g.name(), Streams: len(g.streams), Polling: g.pollers.Polling(g.w.date()),
		Step: g.controller.Step(), Push: g.controller.Verdict().Push, Leaving: g.phase != serving,
	}
}

// decide does what the pacer of a gateway does.
func (g *gateway) decide() {
	now := g.w.date()
	v := g.controller.Judge(g.health.Verdict(now), time.Time{}, fallback.Lag{}, now)
	own := fallback.Member{Instance: g.name(), Streams: len(g.streams), Polling: g.pollers.Polling(now), Push: v.Push}
	g.size = g.fleet.Size(own, now)
	d := g.controller.Decide(fallback.Snapshot{Load: g.fleet.Load(own, now), Step: g.size.Step, Fresh: !g.settled()}, now)
	g.backlog.Resize(d.Room, now)
	if d.Cadence != g.cadence {
		g.tune(d.Cadence)
		for k := len(g.streams) - 1; k >= 0; k-- {
			if k < len(g.streams) { // a heartbeat may prove a stream, and its page then closes the old one
				if s := g.w.streams.at(g.streams[k]); s.stage >= open {
					g.w.hear(s, browser.Heartbeat, &g.said)
				}
			}
		}
	}
	next := g.w.now() + lookAgain
	if !d.Next.IsZero() {
		next = min(next, (d.Next.Sub(epoch) + time.Millisecond - 1).Milliseconds())
	}
	g.w.timers.set(g.number(decide), max(next, g.w.now()+1))
}

func (g *gateway) tune(c fallback.Cadence) {
	g.cadence = c
	g.said = messageOf(c)
}

func messageOf(c fallback.Cadence) browser.Message {
	push := map[fallback.Push]browser.Push{
		fallback.Down: browser.Down, fallback.Degraded: browser.Degraded, fallback.Healthy: browser.Healthy, fallback.Off: browser.Off,
	}[c.Push]
	return browser.Message{
		Push: push, Poll: float64(c.Poll.Milliseconds()), Fast: float64(c.Fast.Milliseconds()),
		Heartbeat: float64(c.Heartbeat.Milliseconds()), Jitter: c.Jitter, Version: -1,
	}
}

// news returns the spread of news for own streams of this gateway.
func (g *gateway) news(w *fallback.Window, own int) browser.Millis {
	return float64(g.backlog.Announce(w, g.size.Watchers(own), g.w.date()).Milliseconds())
}

// admit tells whether one more stream may open now.
func (g *gateway) admit() bool {
	most := float64(g.w.o.Connects)
	if most == 0 {
		return true
	}
	g.allowance = min(most, g.allowance+most*float64(g.w.now()-g.allowed)/1000)
	g.allowed = g.w.now()
	if g.allowance < 1 {
		return false
	}
	g.allowance--
	return true
}
