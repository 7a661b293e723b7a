package status

import (
	"slices"
	"time"
)

// Kind is what changed.
type Kind string

const (
	Push   Kind = "push"   // the state of push, or its reason
	Flag   Kind = "flag"   // the flag
	Fleet  Kind = "fleet"  // a gateway joined or left
	Reload Kind = "reload" // the configuration, or it was refused
	Phase  Kind = "phase"  // this gateway starts or leaves
)

// Change is one change of state.
type Change struct {
	At     time.Time `json:"at"`
	Kind   Kind      `json:"kind"`
	Text   string    `json:"text"`             // a sentence
	Reason string    `json:"reason,omitempty"` // why push is not healthy
}

const (
	// mostChanges is how many changes are kept.
	mostChanges = 50
	// mostOfFleet is how many of them may be of the fleet: whoever may publish can invent gateways, and would hide the others.
	mostOfFleet = 25
	// mostText bounds the text of a change, in bytes.
	mostText = 500
)

// changes are the last changes, oldest first.
type changes struct {
	all     []Change
	ofFleet int
}

// Note notes a change.
func (h *History) Note(c Change) {
	if len(c.Text) > mostText {
		c.Text = c.Text[:mostText] + "…"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes.add(c)
}

func (c *changes) add(change Change) {
	drop := -1
	switch {
	case change.Kind == Fleet && c.ofFleet == mostOfFleet:
		drop = slices.IndexFunc(c.all, func(old Change) bool { return old.Kind == Fleet })
	case len(c.all) == mostChanges:
		drop = 0
	}
	if drop >= 0 {
		if c.all[drop].Kind == Fleet {
			c.ofFleet--
		}
		c.all = slices.Delete(c.all, drop, drop+1)
	}
	c.all = append(c.all, change)
	if change.Kind == Fleet {
		c.ofFleet++
	}
}

func (c *changes) newest() []Change {
	all := make([]Change, len(c.all)) // not nil, which would be null in JSON
	copy(all, c.all)
	slices.Reverse(all)
	return all
}
