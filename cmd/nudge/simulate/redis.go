package simulate

import (
	"nudge/fallback"
	"nudge/version"
)

// redis is the Redis that all gateways listen to.
type redis struct {
	down bool
	era  int // its replication id: another one after each restart
}

// A gateway waits up to reconnectFirst milliseconds before it connects again, doubled with each failure, reconnectMost at most.
const reconnectFirst, reconnectMost = 100, 500

// watched is a project that a gateway listens for, beside what its board says of it.
type watched struct {
	index version.Index // on the board; 0: nobody has watched it yet
	era   uint32        // of what its watchers were told last
	waits bool          // somebody was told that it waits
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

// disconnect follows a connection that broke, or was given up. What is believed stands until there is another.
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

// connect tries to reach Redis, and then reads the keys of what it listens for.
func (g *gateway) connect() {
	if !g.reaches() {
		g.health.Lost(fallback.ReasonSource, g.w.date())
		g.signal()
		g.retry()
		return
	}
	g.connected, g.failures, g.echoed = true, 0, g.w.now()
	// The first echo is on its way beside the keys. That it is there first is the worse case for the application: hellos
	// that ask for polls are spread over what is thought to be room when push has just come back.
	g.probe()
	g.decide()
	for p := range g.watched {
		if g.watched[p].index != 0 {
			g.confirm(uint32(p))
		}
	}
	g.deliver()
}

// watch makes a project known to the board, and listens for it.
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

// state is what the gateway believes of a project.
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

// deliver tells watchers what has changed on the board: an advance as such, all else by one hello each.
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

// probe sends one, which all who listen hear, and itself above all.
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
			if !other.settled() { // it takes over what the fleet has proved, before it wants traffic
				other.signal()
			}
		}
	}
	g.signal()
}
