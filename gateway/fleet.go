package gateway

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/version"
)

// fleet is the gateways that this one knows of, told in the log as they come and go.
type fleet struct {
	*fallback.Fleet
	log    *slog.Logger
	lines  *rate.Limiter // whoever may publish can invent gateways, and would fill the disk with them
	unsaid atomic.Int64  // changes since the last line that the limit kept out of the log
}

func newFleet(self string, probe time.Duration, log *slog.Logger) *fleet {
	return &fleet{Fleet: fallback.NewFleet(self, probe), log: log, lines: rate.NewLimiter(1, 100)}
}

// heard takes the probe of a gateway, this one included.
func (f *fleet) heard(p version.Peer) {
	now := time.Now()
	for _, c := range f.Hear(member(p), now) {
		if !f.lines.AllowN(now, 1) {
			f.unsaid.Add(1)
			continue
		}
		f.tell(c, now)
	}
}

func (f *fleet) tell(c fallback.Change, now time.Time) {
	attributes := []any{"node", c.Node, "instance", c.Instance, "streams", c.Streams}
	if n := f.unsaid.Swap(0); n > 0 {
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

// heard takes the probe of a gateway, this one included. While this one has just begun it takes over at once what the
// others have proved: later would be after its first streams, who would be told to poll as if nothing were.
func (g *Gateway) heard(p version.Peer) {
	g.fleet.heard(p)
	if !g.settled(time.Now()) {
		g.pulse.signal()
	}
}

// self is what this gateway says of itself with each probe.
func (g *Gateway) self() version.Peer {
	return version.Peer{
		Instance: g.opt.Instance, Node: g.opt.Node, Nudge: g.opt.Version, Streams: g.streams(), Uncovered: int(g.uncovered.Load()),
		Polling: g.askers.count(time.Now()), Step: g.step(), Push: g.pulse.heard().Push.String(), Leaving: g.phase.Load() != serving,
	}
}

func (g *Gateway) step() int {
	step, _ := g.pulse.decided()
	return step
}

// recount keeps count of the streams that leave out a project of their page, when one does so, or no longer.
func (g *Gateway) recount(covered, covers bool) {
	switch {
	case covered && !covers:
		g.uncovered.Add(1)
	case covers && !covered:
		g.uncovered.Add(-1)
	}
}

// census is the fleet as the pulse needs it.
func (g *Gateway) census(push fallback.Push, now time.Time) census {
	own := fallback.Member{Instance: g.opt.Instance, Streams: g.streams(), Uncovered: int(g.uncovered.Load()), Polling: g.askers.count(now), Push: push}
	return census{
		fallback.Census{Load: g.fleet.Load(own, now), Step: g.fleet.Step(), Fresh: !g.settled(now)}, g.fleet.Size(own, now),
	}
}

func member(p version.Peer) fallback.Member {
	return fallback.Member{
		Instance: p.Instance, Node: p.Node, Nudge: p.Nudge, Streams: p.Streams, Uncovered: p.Uncovered,
		Polling: p.Polling, Step: p.Step, Push: fallback.ParsePush(p.Push), Leaving: p.Leaving,
	}
}

// fleetSize is the fleet in numbers, at this moment.
func (g *Gateway) fleetSize() fallback.Size { return g.fleet.Size(member(g.self()), time.Now()) }

// fleetStatus is the fleet in the body of /status.
type fleetStatus struct {
	Instances   int              `json:"instances"`
	Streams     int              `json:"streams"`
	LostStreams int              `json:"lost_streams"` // of those that vanished, not seen again yet
	Members     []memberStatus   `json:"members"`
	Vanished    []vanishedStatus `json:"vanished"`
}

type memberStatus struct {
	identity
	Push    fallback.Push `json:"push"`
	Leaving bool          `json:"leaving"`
	Self    bool          `json:"self"`
}

type vanishedStatus struct {
	identity
	LostStreams int `json:"lost_streams"`
}

// identity is who a gateway is, and how big it was when it was last heard.
type identity struct {
	Instance  string `json:"instance"`
	Node      string `json:"node"`
	Version   string `json:"version"`
	Streams   int    `json:"streams"`
	Uncovered int    `json:"uncovered,omitempty"` // of them: their pages go on polling at the fast interval
	SeenMSAgo int64  `json:"seen_ms_ago"`
}

func (g *Gateway) fleetStatus() fleetStatus {
	now := time.Now()
	v := g.fleet.View(member(g.self()), now)
	s := fleetStatus{v.Instances, v.Streams, v.Lost, []memberStatus{}, []vanishedStatus{}}
	who := func(m fallback.Sighting) identity {
		return identity{m.Instance, m.Node, m.Nudge, m.Streams, m.Uncovered, max(0, now.Sub(m.Heard).Milliseconds())}
	}
	for _, m := range v.Members {
		s.Members = append(s.Members, memberStatus{who(m), m.Push, m.Leaving, m.Instance == g.opt.Instance})
	}
	for _, m := range v.Vanished {
		s.Vanished = append(s.Vanished, vanishedStatus{who(m), m.Lost})
	}
	return s
}
