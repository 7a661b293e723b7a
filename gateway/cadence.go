package gateway

import (
	"nudge/fallback"
	"nudge/gateway/stream"
)

// cadence is a [fallback.Cadence] in JSON, to be embedded in answers.
type cadence struct {
	Push        fallback.Push `json:"push"`
	PollMS      int64         `json:"poll_ms"`
	FastMS      int64         `json:"fast_ms"`
	Jitter      float64       `json:"jitter"`
	HeartbeatMS int64         `json:"heartbeat_ms"`
	GapMS       gap           `json:"gap_ms,omitzero"`
}

// gap is the time between two polls of one browser after news, in milliseconds. The usual second is left out: browsers
// assume it, and every heartbeat would carry it.
type gap int64

func (g gap) IsZero() bool { return g == 1000 }

func newCadence(c fallback.Cadence) cadence {
	return cadence{
		c.Push, c.Poll.Milliseconds(), c.Fast.Milliseconds(), c.Jitter, c.Heartbeat.Milliseconds(), gap(c.Gap.Milliseconds()),
	}
}

// renderCadence renders the present cadence once for all streams.
func (g *Gateway) renderCadence() {
	c := g.pace.Now()
	g.heartbeat.Store(stream.NewHeartbeat(newCadence(c), c.Heartbeat))
}

// cadenceChanged sends the new cadence to all streams. Held polls end if push is down.
func (g *Gateway) cadenceChanged() {
	g.renderCadence()
	g.hub.WakePolls()
	for _, l := range g.loops {
		l.CadenceChanged()
	}
}
