package fallback

import "time"

const (
	// tooLate is the lag above which a gateway does not keep up, and timely that
	// below which it does again.
	tooLate = time.Second
	timely  = tooLate / 4
	// saturates is how long a gateway must not keep up until it counts as saturated,
	// and recovers how long it must have kept up until it does not.
	saturates = 5 * time.Second
	recovers  = 30 * time.Second
)

// Lag is how late a gateway's own work is at one moment.
type Lag struct {
	// By is how much later the gateway does things than it means to.
	By time.Duration
	// Excused: a gateway of the fleet is leaving, so that its browsers come back at
	// once. Lateness then says nothing, and deploys stay calm.
	Excused bool
}

// Saturation tells whether a gateway has more to do than it can: its streams are
// alive, but hear news late. Lateness alone counts: a stream that is refused for a
// limit makes nobody late. It is a value; the zero Saturation is not over.
type Saturation struct {
	over  bool
	since time.Time // since when the lag has said the opposite; zero: it does not
}

// Over tells whether it is saturated.
func (s Saturation) Over() bool { return s.over }

// Follow returns the Saturation at now, with the lag of that moment. It begins
// after 5 s of too much lag without a break, and ends after 30 s of little. Excused
// lag counts for neither.
func (s Saturation) Follow(now time.Time, lag Lag) Saturation {
	turns, most := lag.By > tooLate, saturates
	if s.over {
		turns, most = lag.By < timely, recovers
	}
	switch {
	case lag.Excused, !turns:
		return Saturation{over: s.over}
	case s.since.IsZero():
		return Saturation{s.over, now}
	case now.Sub(s.since) >= most:
		return Saturation{over: !s.over}
	}
	return s
}
