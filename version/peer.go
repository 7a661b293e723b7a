package version

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode"
)

// MaxWord is the greatest length of each text of a [Peer] in bytes.
const MaxWord = 128

// maxPeer bounds the whole message.
const maxPeer = 4 << 10

// Peer is what a gateway says of itself with each of its probes.
type Peer struct {
	Instance string // of this process, unique among all
	Node     string // its name among people; two may share one
	Nudge    string // version of Nudge
	Streams  int    // open now
	// Uncovered are those of them whose pages go on polling at the fast interval.
	Uncovered int
	Polling   int    // browsers without a stream that asked it how often to poll
	Step      int    // of the trust ramp
	Push      string // as fallback.Push says it
	Leaving   bool   // from SIGTERM on: its streams will be back elsewhere, and are not lost
}

// peerMessage is the message of a probe: what the publishers' script needs of any news, and the peer.
type peerMessage struct {
	Version   Version `json:"version"`
	Instance  string  `json:"instance"`
	Node      string  `json:"node"`
	Streams   int     `json:"streams"`
	Uncovered int     `json:"uncovered,omitempty"`
	Polling   int     `json:"polling,omitempty"`
	Step      int     `json:"step,omitempty"`
	Push      string  `json:"push"`
	Leaving   bool    `json:"leaving,omitempty"`
	Nudge     string  `json:"nudge"`
}

// message is the probe of this number.
func (p Peer) message(number Version) []byte {
	// A struct of texts and numbers always marshals; what is not UTF-8 is replaced.
	text, _ := json.Marshal(peerMessage{number, p.Instance, p.Node, p.Streams, p.Uncovered, p.Polling, p.Step, p.Push, p.Leaving, p.Nudge})
	return text
}

// decodePeer reads what [Peer.message] wrote; unknown fields are ignored. Anybody who may publish may write
// there, so every field is checked before it reaches a log or a terminal.
func decodePeer(raw []byte) (Peer, Version, error) {
	if len(raw) > maxPeer {
		return Peer{}, 0, fmt.Errorf("the probe is %d bytes long; %d is the most", len(raw), maxPeer)
	}
	var m peerMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return Peer{}, 0, fmt.Errorf("the probe is no JSON object of a gateway: %v", err)
	}
	switch {
	case m.Version < 0 || m.Version > Max:
		return Peer{}, 0, errors.New("version: not an integer from 0 to 2^53-1")
	case m.Instance == "":
		return Peer{}, 0, errors.New("instance: missing")
	case m.Streams < 0 || m.Uncovered < 0 || m.Polling < 0 || m.Step < 0:
		return Peer{}, 0, errors.New("streams, uncovered, polling or step: below 0")
	}
	for name, text := range map[string]string{"instance": m.Instance, "node": m.Node, "push": m.Push, "nudge": m.Nudge} {
		if len(text) > MaxWord {
			return Peer{}, 0, fmt.Errorf("%s: %d bytes long; %d is the most", name, len(text), MaxWord)
		}
		for _, r := range text {
			if !unicode.IsPrint(r) {
				return Peer{}, 0, fmt.Errorf("%s: holds a character that cannot be printed", name)
			}
		}
	}
	return Peer{m.Instance, m.Node, m.Nudge, m.Streams, m.Uncovered, m.Polling, m.Step, m.Push, m.Leaving}, m.Version, nil
}
