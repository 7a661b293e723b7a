package simulate

import (
	"nudge/cmd/nudge/simulate/browser"

	"nudge/gateway/limits"
)

const (
	// helloMost is how long a hello waits for the subscription, and secondEvent how long after it a heartbeat follows.
	helloMost, secondEvent = 2000, 1000
	// streamAge is when a stream rotates, more or less.
	streamAge, rotateJitter = 3_600_000, 0.2
)

// progress is how far a stream has come.
type progress uint8

const (
	dialling progress = iota
	arriving          // accepted; its hello waits for Redis
	open              // it had its hello
	settled           // and proven
)

// stream is one stream of one page.
type stream struct {
	page, number uint32
	gateway      int32 // -1: none yet
	at           uint32
	places       [most]uint32 // its index among the watchers of each of the page's projects
	stage        progress
	slot         uint8 // of the page
}

// slab holds streams by number, from 1.
type slab struct {
	all  []stream
	free []uint32
}

func (s *slab) at(n uint32) *stream { return &s.all[n] }

func (s *slab) add(v stream) uint32 {
	if len(s.all) == 0 {
		s.all = append(s.all, stream{})
	}
	if n := len(s.free); n > 0 {
		id := s.free[n-1]
		s.free = s.free[:n-1]
		s.all[id] = v
		return id
	}
	s.all = append(s.all, v)
	return uint32(len(s.all) - 1)
}

// toBrowser is the latency between gateway and browser in one direction, in milliseconds.
func (w *simulation) toBrowser() int64 { return w.o.Network.Milliseconds() }

func (w *simulation) open(i uint32, p *page, number uint32) {
	slot := 0
	if p.streams[0] != 0 {
		slot = 1
	}
	if p.streams[slot] != 0 { // the model has two at most
		w.close(i, p, slot)
	}
	p.streams[slot] = w.streams.add(stream{page: i, number: number, gateway: -1, slot: uint8(slot)})
	w.timers.set(w.ofPage(streamA+slot, i), w.now()+2*w.toBrowser())
}

// close forgets a stream, whichever side ended it.
func (w *simulation) close(i uint32, p *page, slot int) {
	id := p.streams[slot]
	if s := w.streams.at(id); s.gateway >= 0 {
		w.gateways[s.gateway].leaveGateway(id, s)
	}
	p.streams[slot] = 0
	w.streams.free = append(w.streams.free, id)
	w.timers.clear(w.ofPage(streamA+slot, i))
}

// step does the next step of a stream.
func (w *simulation) step(i uint32, id uint32) {
	s := w.streams.at(id)
	switch s.stage {
	case dialling:
		w.dial(i, id)
	case arriving:
		w.gateways[s.gateway].sendHello(id)
	case open:
		s.stage = settled
		age := streamAge * (1 + rotateJitter*(2*w.random()-1))
		w.timers.set(w.ofPage(streamA+int(s.slot), i), w.now()+int64(age))
		w.hear(s, browser.Heartbeat, &w.gateways[s.gateway].said)
	case settled:
		w.sendGoodbye(id, browser.Message{Reason: browser.Rotate, Jitter: -1})
	}
}

// dial handles a request for a stream, which the load balancer gives to a gateway.
func (w *simulation) dial(i uint32, id uint32) {
	g := w.balance()
	switch {
	case g == nil || !g.on: // no gateway answers, or 204
		w.cutStream(id)
	case g.phase == drained:
		w.sendGoodbye(id, refusal(browser.Drain, 1000))
	case !g.admit():
		w.sendGoodbye(id, refusal(browser.Overload, 5000))
	default:
		g.pollers.Opened(limits.Key(i + 1))
		g.join(id)
	}
}

func refusal(why browser.Reason, after browser.Millis) browser.Message {
	return browser.Message{Reason: why, After: after, Spread: after, Jitter: -1}
}

// cutStream breaks a stream without a goodbye.
func (w *simulation) cutStream(id uint32) {
	s := *w.streams.at(id)
	p := &w.pages[s.page]
	w.close(s.page, p, int(s.slot))
	w.event = browser.Event{Kind: browser.Lost, Number: s.number}
	w.give(s.page)
}

// sendGoodbye ends a stream with a goodbye.
func (w *simulation) sendGoodbye(id uint32, m browser.Message) {
	s := *w.streams.at(id)
	p := &w.pages[s.page]
	w.close(s.page, p, int(s.slot))
	w.event = browser.Event{Kind: browser.Heard, Name: browser.Goodbye, Number: s.number, Message: &m}
	w.give(s.page)
}

// balance returns the gateway for the next request; nil: no gateway answers.
func (w *simulation) balance() *gateway {
	ready := 0
	for _, g := range w.gateways {
		if g.balanced {
			ready++
		}
	}
	if ready == 0 {
		return nil
	}
	n := w.dice.IntN(ready)
	for _, g := range w.gateways {
		if g.balanced {
			if n == 0 {
				return g
			}
			n--
		}
	}
	return nil
}
