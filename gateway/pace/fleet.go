package pace

import (
	"time"

	"nudge/fallback"
	"nudge/version"
)

// heard takes the probe of a gateway, this one included. During a start it wakes the pacer, which takes over the trust of the
// other gateways. Without that, the first streams would be told to poll fast.
func (p *Pacer) heard(peer version.Peer) {
	now := time.Now()
	for _, c := range p.fleet.Hear(member(peer), now) {
		if !p.lines.AllowN(now, 1) {
			p.unlogged.Add(1)
			continue
		}
		p.logChange(c, now)
	}
	if !p.Settled(now) {
		p.wake.Set()
	}
}

// logChange logs that a gateway joins or leaves.
func (p *Pacer) logChange(c fallback.Change, now time.Time) {
	attributes := []any{"node", c.Node, "instance", c.Instance, "streams", c.Streams}
	if n := p.unlogged.Swap(0); n > 0 {
		attributes = append(attributes, "changes_not_logged", n)
	}
	p.opt.Moved(c)
	switch c.Move {
	case fallback.Joined:
		p.log.Info("a gateway joined the fleet", append(attributes, "nudge", c.Nudge)...)
	case fallback.Parting:
		p.log.Info("a gateway is leaving the fleet", attributes...)
	case fallback.Left:
		p.log.Info("a gateway has left the fleet", attributes...)
	case fallback.Vanished:
		p.log.Warn("a gateway vanished from the fleet without a goodbye",
			append(attributes, "lost_streams", c.Lost, "silent", now.Sub(c.Heard).Round(time.Millisecond),
				"fix", "start it again, or take its address out of the load balancer")...)
	case fallback.Returned:
		p.log.Info("a gateway that had vanished is back in the fleet", attributes...)
	}
}

// self returns what this gateway reports of itself with each probe.
func (p *Pacer) self() version.Peer {
	p.mu.Lock()
	push, step := p.controller.Verdict().Push, p.controller.Step()
	p.mu.Unlock()
	streams := p.opt.Streams()
	return version.Peer{
		Instance: p.opt.Instance, Node: p.opt.Node, Nudge: p.opt.Version, Streams: streams,
		Extra: max(0, streams-p.Streams.Total()), Uncovered: int(p.uncovered.Load()),
		Polling: p.Polling(time.Now()), Step: step, Push: push.String(), Leaving: p.opt.Leaving(),
	}
}

func member(p version.Peer) fallback.Member {
	return fallback.Member{
		Instance: p.Instance, Node: p.Node, Nudge: p.Nudge, Streams: p.Streams, Extra: p.Extra, Uncovered: p.Uncovered,
		Polling: p.Polling, Step: p.Step, Push: fallback.ParsePush(p.Push), Leaving: p.Leaving,
	}
}

// Uncovered adds delta to the number of streams and held polls that count, and whose pages still poll at the fast interval.
func (p *Pacer) Uncovered(delta int) { p.uncovered.Add(int64(delta)) }

// FleetSize returns the present numbers of the fleet.
func (p *Pacer) FleetSize() fallback.Size { return p.fleet.Size(member(p.self()), time.Now()) }

// ReconnectSpread returns how long the streams of this gateway need to reconnect to the others, least at least. Each other
// gateway is taken to admit perSecond streams a second, as this one does; 0: see [fallback.ReconnectSpread].
func (p *Pacer) ReconnectSpread(perSecond int, least time.Duration) time.Duration {
	size := p.FleetSize()
	return fallback.ReconnectSpread(size.Own, size.Instances-1, perSecond, least)
}

// FleetStatus is the fleet in JSON.
type FleetStatus struct {
	Instances   int             `json:"instances"`
	Streams     int             `json:"streams"`
	LostStreams int             `json:"lost_streams"` // of vanished gateways, not seen again yet
	Members     []GatewayStatus `json:"members"`
	Vanished    []GatewayStatus `json:"vanished"`
}

// GatewayStatus is what a gateway of the fleet last reported of itself, in JSON.
type GatewayStatus struct {
	fallback.Sighting
	Self      bool  `json:"self"`
	SeenMSAgo int64 `json:"seen_ms_ago"`
}

// FleetStatus returns the present state of the fleet.
func (p *Pacer) FleetStatus() FleetStatus {
	now := time.Now()
	v := p.fleet.View(member(p.self()), now)
	all := func(sightings []fallback.Sighting) []GatewayStatus {
		list := []GatewayStatus{} // not nil, which would be null in JSON
		for _, m := range sightings {
			list = append(list, GatewayStatus{m, m.Instance == p.opt.Instance, max(0, now.Sub(m.Heard).Milliseconds())})
		}
		return list
	}
	return FleetStatus{v.Instances, v.Streams, v.Lost, all(v.Members), all(v.Vanished)}
}
