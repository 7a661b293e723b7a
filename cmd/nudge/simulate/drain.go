package simulate

import (
	"time"

	"nudge/cmd/nudge/simulate/browser"
	"nudge/fallback"
)

// Times of a drain, in milliseconds.
const (
	drainAfter, drainSpread = 1000, 4000
	balancerLooks           = 500
	sliceOf                 = 20
)

// drainStep is the next step of a gateway that restarts.
type drainStep uint8

const (
	notDraining drainStep = iota
	leaveBalancer
	drain
	waitForStreams
	restart
)

// leave begins a drain; afterwards the process restarts.
func (g *gateway) leave() {
	g.phase, g.drainStep = leaving, leaveBalancer
	g.w.timers.set(g.number(lifecycle), g.w.now()+g.w.o.Drain.Delay.Milliseconds()/2)
}

func (g *gateway) nextLifecycle() {
	w, wait := g.w, int64(balancerLooks)
	delay, window := w.o.Drain.Delay.Milliseconds(), w.o.Drain.Window
	switch g.drainStep {
	case notDraining:
		if g.settled() {
			if g.balanced = true; w.rolling {
				w.rollOn(g.index)
			}
			return
		}
	case leaveBalancer:
		g.balanced, g.drainStep, wait = false, drain, delay/2
	case drain:
		g.phase, g.drainStep, wait = drained, waitForStreams, window.Milliseconds()
		spread := fallback.ReconnectSpread(g.size.Own, g.size.Instances-1, w.o.Connects, window+drainSpread*time.Millisecond)
		last := browser.Message{Reason: browser.Drain, After: drainAfter, Spread: float64((spread - window).Milliseconds()), Jitter: -1}
		g.begin(window.Milliseconds(), func(id uint32) { w.sendGoodbye(id, last) })
	case waitForStreams:
		if len(g.streams) == 0 {
			g.stop()
			g.drainStep, wait = restart, w.o.Restart.Milliseconds()
		}
	case restart:
		g.drainStep = notDraining
		g.start()
		return
	}
	w.timers.set(g.number(lifecycle), w.now()+wait)
}

// stop ends the process and breaks the remaining streams.
func (g *gateway) stop() {
	g.alive, g.balanced, g.connected = false, false, false
	for _, kind := range []int{probe, decide, sweepTimer, connect, lifecycle} {
		g.w.timers.clear(g.number(kind))
	}
	g.sweep = sweep{}
	for len(g.streams) > 0 {
		g.w.cutStream(g.streams[len(g.streams)-1])
	}
}

// sweep does something to each of a gateway's streams, evenly over a time.
type sweep struct {
	ids         []uint32
	lives       []uint32 // the numbers of these streams, since other streams may have taken their slots
	at          int
	begun, over int64
	do          func(id uint32)
}

func (g *gateway) begin(over int64, do func(id uint32)) {
	s := sweep{begun: g.w.now(), over: over, do: do, ids: append([]uint32(nil), g.streams...)}
	for _, id := range s.ids {
		s.lives = append(s.lives, g.w.streams.at(id).number)
	}
	g.sweep = s
	g.w.timers.set(g.number(sweepTimer), g.w.now())
}

func (g *gateway) continueSweep() {
	s := &g.sweep
	due := len(s.ids)
	if past := g.w.now() - s.begun; past < s.over {
		due = int(int64(due) * past / s.over)
	}
	for ; s.at < due; s.at++ {
		id := s.ids[s.at]
		if live := g.w.streams.at(id); live.gateway == int32(g.index) && live.number == s.lives[s.at] {
			s.do(id)
		}
	}
	if s.at < len(s.ids) {
		g.w.timers.set(g.number(sweepTimer), g.w.now()+sliceOf)
	}
}

// setFlag switches push for the whole fleet.
func (w *simulation) setFlag(on bool) {
	w.off = !on
	for _, g := range w.gateways {
		if !g.alive || g.on == on {
			continue
		}
		over := w.o.Ramp
		if !g.settled() {
			over = 0
		}
		g.on, g.returning = on, w.now()+over.Milliseconds()
		g.controller.Turn(w.o.Policy, on, over, w.date())
		g.signal()
		if !on {
			g.begin(w.o.Ramp.Milliseconds(), func(id uint32) {
				w.sendGoodbye(id, browser.Message{Reason: browser.OffNow, Jitter: -1})
			})
		}
	}
}
