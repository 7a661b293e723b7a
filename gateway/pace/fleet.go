package pace

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/version"
)

// fleet is the gateways that this one knows. It logs when they join and leave.
type fleet struct {
	*fallback.Fleet
	log      *slog.Logger
	lines    *rate.Limiter // any publisher can invent gateways, and could fill the disk
	unlogged atomic.Int64  // changes since the last line that were not logged because of the limit
}

func newFleet(self string, probe time.Duration, log *slog.Logger) *fleet {
	return &fleet{Fleet: fallback.NewFleet(self, probe), log: log, lines: rate.NewLimiter(1, 100)}
}

// heard takes the probe of a gateway, this one included.
func (f *fleet) heard(p version.Peer) {
	now := time.Now()
	for _, c := range f.Hear(member(p), now) {
		if !f.lines.AllowN(now, 1) {
			f.unlogged.Add(1)
			continue
		}
		f.logChange(c, now)
	}
}

func (f *fleet) logChange(c fallback.Change, now time.Time) {
	attributes := []any{"node", c.Node, "instance", c.Instance, "streams", c.Streams}
	if n := f.unlogged.Swap(0); n > 0 {
		attributes = append(attributes, "changes_not_logged", n)
	}
	switch c.Move {
	case fallback.Joined:
		f.log.Info("a gateway joined the fleet", append(attributes, "nudge", c.Nudge)...)
	case fallback.Parting:
		f.log.Info("a gateway is leaving the fleet", attributes...)
	case fallback.Left:
		f.log.Info("a gateway has left the fleet", attributes...)
	case fallback.Vanished:
		f.log.Warn("a gateway vanished from the fleet without a goodbye",
			append(attributes, "lost_streams", c.Lost, "silent", now.Sub(c.Heard).Round(time.Millisecond))...)
	case fallback.Returned:
		f.log.Info("a gateway that had vanished is back in the fleet", attributes...)
	}
}

// heard takes the probe of a gateway, this one included. During a start it wakes the pacer, which takes over the trust of the
// other gateways. Without that, the first streams would be told to poll fast.
func (p *Pacer) heard(peer version.Peer) {
	p.fleet.heard(peer)
	if !p.Settled(time.Now()) {
		p.signal()
	}
}

// self returns what this gateway reports of itself with each probe.
func (p *Pacer) self() version.Peer {
	p.mu.Lock()
	push, step := p.controller.Verdict().Push, p.controller.Step()
	p.mu.Unlock()
	return version.Peer{
		Instance: p.opt.Instance, Node: p.opt.Node, Nudge: p.opt.Version, Streams: p.opt.Streams(), Uncovered: int(p.uncovered.Load()),
		Polling: p.Polling(time.Now()), Step: step, Push: push.String(), Leaving: p.opt.Leaving(),
	}
}

func member(p version.Peer) fallback.Member {
	return fallback.Member{
		Instance: p.Instance, Node: p.Node, Nudge: p.Nudge, Streams: p.Streams, Uncovered: p.Uncovered,
		Polling: p.Polling, Step: p.Step, Push: fallback.ParsePush(p.Push), Leaving: p.Leaving,
	}
}

// Uncovered adds delta to the number of streams and held polls whose pages still poll at the fast interval.
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
	Instance    string        `json:"instance"`
	Node        string        `json:"node"`
	Version     string        `json:"version"`
	Streams     int           `json:"streams"`
	Uncovered   int           `json:"uncovered,omitempty"`    // streams whose pages still poll at the fast interval
	LostStreams int           `json:"lost_streams,omitempty"` // of a vanished gateway: streams not seen again yet
	Push        fallback.Push `json:"push"`
	Leaving     bool          `json:"leaving"`
	Self        bool          `json:"self"`
	SeenMSAgo   int64         `json:"seen_ms_ago"`
}

// FleetStatus returns the present state of the fleet.
func (p *Pacer) FleetStatus() FleetStatus {
	now := time.Now()
	v := p.fleet.View(member(p.self()), now)
	all := func(sightings []fallback.Sighting) []GatewayStatus {
		list := []GatewayStatus{} // not nil, which would be null in JSON
		for _, m := range sightings {
			list = append(list, GatewayStatus{
				m.Instance, m.Node, m.Nudge, m.Streams, m.Uncovered, m.Lost, m.Push, m.Leaving, m.Instance == p.opt.Instance,
				max(0, now.Sub(m.Heard).Milliseconds()),
			})
		}
		return list
	}
	return FleetStatus{v.Instances, v.Streams, v.Lost, all(v.Members), all(v.Vanished)}
}
