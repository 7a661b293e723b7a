package version

import (
	"errors"
	"fmt"
	"unicode"
)

// MaxWord is the greatest length of each text of a [Peer] in bytes.
const MaxWord = 128

// Peer is what a gateway sends about itself with each probe. In JSON it is the message of the probe without its number. To
// fallback it is a Member: neither package knows the other, so gateway/pace converts it.
type Peer struct {
	Instance string `json:"instance"` // of this process, unique among all
	Node     string `json:"node"`     // its name for people; two gateways may share one
	Streams  int    `json:"streams"`  // open now
	// Extra is how many of these streams their callers have beyond what one counts as: they count in no estimate.
	Extra int `json:"extra,omitempty"`
	// Uncovered is how many of these streams have pages that keep polling at the fast interval.
	Uncovered int    `json:"uncovered,omitempty"`
	Polling   int    `json:"polling,omitempty"` // browsers without a stream that asked it how often to poll
	Step      int    `json:"step,omitempty"`    // of the trust ramp
	Push      string `json:"push"`              // as fallback.Push says it
	Leaving   bool   `json:"leaving,omitempty"` // from SIGTERM on: its streams will connect to other gateways, and are not lost
	Nudge     string `json:"nudge"`             // version of Nudge
}

// Check returns what is wrong with p. Every client that may publish can write a probe. So a source checks every field before
// it reaches a log or a terminal.
func (p Peer) Check() error {
	if p.Instance == "" {
		return errors.New("instance: missing")
	}
	if p.Streams < 0 || p.Extra < 0 || p.Uncovered < 0 || p.Polling < 0 || p.Step < 0 {
		return errors.New("streams, extra, uncovered, polling or step: below 0")
	}
	for name, text := range map[string]string{"instance": p.Instance, "node": p.Node, "push": p.Push, "nudge": p.Nudge} {
		if len(text) > MaxWord {
			return fmt.Errorf("%s: %d bytes long; %d is the most", name, len(text), MaxWord)
		}
		for _, r := range text {
			if !unicode.IsPrint(r) {
				return fmt.Errorf("%s: holds a character that cannot be printed", name)
			}
		}
	}
	return nil
}
