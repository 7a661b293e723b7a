package pace

import (
	"encoding/json"
	"fmt"

	"nudge/fallback"
)

// Cadence is how often browsers poll, with its JSON and its event, rendered once for all streams and answers. It does not
// change after it was published.
type Cadence struct {
	fallback.Cadence
	Fields []byte // its members in JSON, as every object has them, without braces
	Event  []byte // the heartbeat event
}

// Wire is a cadence in JSON, to be embedded in answers.
type Wire struct {
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

// Wire returns the cadence in its JSON form.
func (c *Cadence) Wire() Wire {
	return Wire{
		c.Push, c.Poll.Milliseconds(), c.Fast.Milliseconds(), c.Jitter, c.Heartbeat.Milliseconds(), gap(c.Gap.Milliseconds()),
	}
}

func render(f fallback.Cadence) *Cadence {
	c := &Cadence{Cadence: f}
	object, err := json.Marshal(c.Wire())
	if err != nil { // our own type; a float that is no number would be a bug of ours
		panic(err)
	}
	c.Fields = object[1 : len(object)-1]
	c.Event = fmt.Appendf(nil, "event: heartbeat\ndata: %s\n\n", object)
	return c
}

// Now returns the cadence of callers whom the flag admits.
func (p *Pacer) Now() *Cadence { return p.cadence.Load() }

// Without returns the cadence of callers whom the flag excludes.
func (p *Pacer) Without() *Cadence {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.controller.Without(); p.without == nil || p.without.Cadence != c {
		p.without = render(c)
	}
	return p.without
}
