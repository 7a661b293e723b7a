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

// Note notes a change.
func (h *History) Note(c Change) {
	if len(c.Text) > mostText {
		c.Text = c.Text[:mostText] + "…"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = append(h.changes, c)
	var ofFleet []int
	for i, c := range h.changes {
		if c.Kind == Fleet {
			ofFleet = append(ofFleet, i)
		}
	}
	if len(ofFleet) > mostOfFleet {
		h.changes = slices.Delete(h.changes, ofFleet[0], ofFleet[0]+1)
	}
	h.changes = slices.Delete(h.changes, 0, max(0, len(h.changes)-mostChanges))
}

func (h *History) newestChanges() []Change {
	all := append([]Change{}, h.changes...) // not nil, which would be null in JSON
	slices.Reverse(all)
	return all
}
