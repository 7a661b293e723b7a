package simulate

import "nudge/fallback"

// redis is the Redis that all gateways listen to.
type redis struct {
	down bool
	era  int // its replication id: another one after each restart
}

// A gateway waits up to reconnectFirst milliseconds before it connects again, doubled with each failure, reconnectMost at most.
const reconnectFirst, reconnectMost = 100, 500

// belief is what a gateway believes of a project.
type belief struct {
	version   int32
	read      bool // its key has been read once
	listening bool
	known     bool
	waits     bool // somebody was told that it waits
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
	for i := range g.beliefs {
		g.beliefs[i].listening = false
	}
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
	same := g.era == g.w.redis.era
	g.connected, g.failures, g.era, g.echoed = true, 0, g.w.redis.era, g.w.now()
	// The first echo is on its way beside the keys. That it is there first is the worse case for the application: hellos
	// that ask for polls are spread over what is thought to be room when push has just come back.
	g.probe()
	g.decide()
	var anew []watcher
	for p := range g.beliefs {
		if b := &g.beliefs[p]; b.read || len(g.watchers[p]) > 0 {
			if g.reread(uint32(p), b, same) {
				anew = append(anew, g.watchers[p]...)
			}
		}
	}
	sent := make(map[uint32]bool, len(anew))
	for _, of := range anew { // one hello for all that has changed
		id := of.stream()
		if s := g.w.streams.at(id); !sent[id] && s.stage >= arriving && s.gateway == int32(g.index) {
			sent[id] = true
			g.sendHello(id)
		}
	}
}

// reread takes the key of a project, after a gap or for the first time. True: its watchers need a hello.
func (g *gateway) reread(p uint32, b *belief, same bool) (anew bool) {
	key, was := g.w.projects[p].stored, *b
	*b = belief{version: key, read: true, listening: true}
	switch {
	case !was.read:
		b.known = true
		return was.waits
	case same && was.known && key >= was.version:
		b.known = true
		if key > was.version && !was.waits {
			g.sendVersion(p)
		}
		return was.waits
	}
	b.version = 0
	return true
}

// message is news from Redis.
func (g *gateway) message(p uint32, version int32) {
	b := &g.beliefs[p]
	if !b.listening || b.known && version <= b.version {
		return
	}
	b.known, b.version = true, version
	g.sendVersion(p)
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
