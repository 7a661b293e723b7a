package fallback

import (
	"math"
	"time"
)

// Member is what a gateway says of itself with each of its probes.
type Member struct {
	Instance string // of this process; it alone tells two gateways apart
	Node     string // its name among people; two may share one
	Nudge    string // version of Nudge
	Streams  int    // open now
	// Uncovered are those of the streams whose pages go on polling at the fast interval: they leave out
	// one of the page's projects, or are no streams but held questions for versions.
	Uncovered int
	Polling   int // browsers without a stream, as far as a token vouches for them
	Step      int // of its trust ramp
	Push      Push
	Leaving   bool // on its way out: its streams will be back elsewhere, and are not lost
}

// Sighting is a member, and when it was last heard.
type Sighting struct {
	Member
	Heard time.Time
	// Lost is how many of a vanished member's streams have not been seen again:
	// that many browsers poll. 0 for all others.
	Lost int
}

// Size is the fleet in numbers.
type Size struct {
	Instances int // living ones, this one included
	Streams   int // of all living
	Own       int // of these, this gateway's
	Lost      int // streams of vanished gateways that have not been seen again
}

// Watchers estimates how many streams of the whole fleet watch a project that
// own streams of this gateway watch: load balancers deal browsers out blindly,
// so this gateway's share of the project is its share of all streams. A gateway
// without streams takes the others to be like itself. It is never below own.
func (s Size) Watchers(own int) int {
	if s.Own <= 0 {
		return own * max(1, s.Instances)
	}
	return max(own, int(math.Ceil(float64(own)*float64(s.Streams)/float64(s.Own))))
}

// View is the fleet at one moment.
type View struct {
	Size
	Members  []Sighting // living ones, by node and instance
	Vanished []Sighting // in the order in which they were last heard
}

// Move is what became of a member.
type Move string

const (
	// Joined: heard for the first time.
	Joined Move = "joined"
	// Parting: it says that it is leaving.
	Parting Move = "parting"
	// Left: it said so before it fell silent.
	Left Move = "left"
	// Vanished: it fell silent without a word.
	Vanished Move = "vanished"
	// Returned: one that had vanished is heard again.
	Returned Move = "returned"
)

// Change is a move of one member.
type Change struct {
	Sighting
	Move Move
}
