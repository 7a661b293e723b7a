package fallback

import (
	"math"
	"time"
)

// Member is what a gateway reports of itself with each probe. A probe carries it as a version.Peer; gateway/pace converts it.
type Member struct {
	Instance string `json:"instance"` // unique id of the process
	Node     string `json:"node"`     // name for people; two gateways may share one
	Nudge    string `json:"version"`  // of Nudge
	Streams  int    `json:"streams"`  // open now
	// Extra is how many of the streams their callers have beyond what one counts as. They count in no estimate.
	Extra int `json:"extra,omitempty"`
	// Uncovered is how many of the other streams leave out one of the page's projects, or are held polls. Their pages still poll
	// at the fast interval.
	Uncovered int  `json:"uncovered,omitempty"`
	Polling   int  `json:"polling,omitempty"` // browsers without a stream, counted by their tokens
	Step      int  `json:"step,omitempty"`    // of its trust ramp
	Push      Push `json:"push"`
	Leaving   bool `json:"leaving"` // it is shutting down: its streams reconnect to others, and are not lost
}

// browsers returns how many streams count.
func (m Member) browsers() int { return m.Streams - min(max(m.Extra, 0), m.Streams) }

// Sighting is a member, and when it was last heard.
type Sighting struct {
	Member
	Heard time.Time `json:"-"`
	// Lost is how many streams of a vanished member have not been seen again: so many browsers poll. 0 for other members.
	Lost int `json:"lost_streams,omitempty"`
}

// Size is the fleet in numbers.
type Size struct {
	Instances int // living gateways, this one included
	Streams   int // of all living gateways
	Own       int // streams of this gateway
	// Browsers and OwnBrowsers are the same without extra streams.
	Browsers, OwnBrowsers int
	Lost                  int // streams of vanished gateways that have not been seen again

	Step    int  // the highest step of the trust ramp among the others
	Leaving bool // one of the others is leaving
}

// Watchers estimates how many streams of the whole fleet watch a project that own streams of this gateway watch. Load
// balancers distribute browsers without regard to projects, so this gateway has the same share of each project as of all
// streams. Without streams it counts own for each gateway. The result is never below own.
func (s Size) Watchers(own int) int {
	if s.OwnBrowsers <= 0 {
		return own * max(1, s.Instances)
	}
	return max(own, int(math.Ceil(float64(own)*float64(s.Browsers)/float64(s.OwnBrowsers))))
}

// View is the fleet at one moment.
type View struct {
	Size
	Members  []Sighting // living ones, by node and instance
	Vanished []Sighting // in the order in which they were last heard
}

// Move is what happened to a member.
type Move string

const (
	Joined   Move = "joined"   // heard for the first time
	Parting  Move = "parting"  // it reports that it is leaving
	Left     Move = "left"     // it fell silent after Parting
	Vanished Move = "vanished" // it fell silent without Parting
	Returned Move = "returned" // it had vanished, and is heard again
)

// Change is a move of one member.
type Change struct {
	Sighting
	Move Move
}
