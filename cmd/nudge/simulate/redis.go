package simulate

import (
	"nudge/fallback"
	"nudge/version"
)

// redis is the Redis that all gateways are subscribed to.
type redis struct {
	down bool
	era  int // its replication id, which changes with each restart
}

// reconnectFirst is the longest pause before a gateway connects again, in milliseconds. It doubles with each failure, up to
// reconnectMost.
const reconnectFirst, reconnectMost = 100, 500

// watched is what a gateway keeps of a project besides its board.
type watched struct {
	index version.Index // on the board; 0: no stream has watched it yet
	era   uint32        // the era of the last hello to its watchers
	waits bool          // a hello said that it is waiting
}

func (w *simulation) killRedis() {
	w.redis.down = true
	w.redis.era++
	for _, g := range w.gateways {
		if g.alive {
			g.disconnect()
		}
	}
}

// reaches tells whether the gateway can talk to Redis.
func (g *gateway) reaches() bool { return !g.w.redis.down && !g.cut }

// disconnect handles a connection that broke or was closed. Versions stay believed until there is another connection.
func (g *gateway) disconnect() {
	g.connected = false
	g.board.Gap()
	g.w.timers.clear(g.number(probe))
	g.retry()
}

func (g *gateway) retry() {
	wait := min(reconnectMost, reconnectFirst<<min(g.failures, 10))
	g.failures++
	g.w.timers.set(g.number(connect), g.w.now()+1+int64(g.w.random()*float64(wait)))
}

// connect tries to reach Redis, and then reads the keys of all watched projects.
func (g *gateway) connect() {
	if !g.reaches() {
		g.health.Lost(fallback.ReasonSource, g.w.date())
		g.signal()
		g.retry()
		return
	}
	g.connected, g.failures, g.echoed = true, 0, g.w.now()
	// The first echo and the keys come at the same time. Here the echo comes first, which is the worse case for the
	// application: hellos that ask for polls are then spread over the room of push that is up again.
	g.probe()
	g.decide()
	for p := range g.watched {
		if g.watched[p].index != 0 {
			g.confirm(uint32(p))
		}
	}
	g.deliver()
}

// watch opens a project on the board, and subscribes to it.
func (g *gateway) watch(p uint32) {
	g.watched[p].index = g.board.Open(g.w.names[p])
	for int(g.watched[p].index) >= len(g.numbers) {
		g.numbers = append(g.numbers, 0)
	}
	g.numbers[g.watched[p].index] = p
	if g.connected {
		g.confirm(p)
		g.deliver()
	}
}

// confirm reads the key of a project that is subscribed to.
func (g *gateway) confirm(p uint32) {
	g.board.Confirm(g.w.names[p], version.Key{Version: version.Version(g.w.projects[p].stored), Known: true}, uint32(g.w.redis.era)+1)
}

// state returns what the gateway believes of a project.
func (g *gateway) state(p uint32) version.State {
	_, s := g.board.At(g.watched[p].index)
	return s
}

// message is news from Redis.
func (g *gateway) message(p uint32, v int32) {
	if g.watched[p].index != 0 {
		g.board.Message(version.News{Project: g.w.names[p], Version: version.Version(v)})
		g.deliver()
	}
}

// deliver sends watchers what has changed on the board: an advance as a version, any other change as a hello.
func (g *gateway) deliver() {
	var anew []watcher
	for changes := g.board.Take(g.changes[:0]); len(changes) > 0; changes = g.board.Take(changes[:0]) {
		g.changes = changes
		for _, c := range changes {
			p := g.numbers[c.Index]
			at := &g.watched[p]
			switch {
			case c.Advance:
				g.sendVersion(p, int64(c.Version))
			case at.waits && c.Listening, c.Era != at.era:
				anew = append(anew, g.watchers[p]...)
			}
			at.era, at.waits = c.Era, at.waits && !c.Listening
		}
	}
	sent := make(map[uint32]bool, len(anew))
	for _, of := range anew {
		id := of.stream()
		if s := g.w.streams.at(id); !sent[id] && s.stage >= arriving && s.gateway == int32(g.index) {
			sent[id] = true
			g.sendHello(id)
		}
	}
}

// probe sends a probe, which all connected gateways receive, including this one.
func (g *gateway) probe() {
	now := g.w.now()
	g.w.timers.set(g.number(probe), now+g.w.o.Probe.Milliseconds())
	if !g.reaches() {
		if now-g.echoed > 2*g.w.o.Probe.Milliseconds()+1000 {
			g.disconnect()
		}
		return
	}
	g.echoed = now
	if g.listenUntil == 0 {
		g.listenUntil = now + g.w.o.Probe.Milliseconds()
	}
	self, date := g.self(), g.w.date()
	g.health.Echo(date, date)
	for _, other := range g.w.gateways {
		if other.alive && other.connected && other.reaches() {
			other.fleet.Hear(self, date)
			if !other.settled() { // it takes over the fleet's step of trust before it is ready
				other.signal()
			}
		}
	}
	g.signal()
}
