package fallback

import "time"

const (
	// A gateway is saturated after its lag was above highLag for saturatesAfter. It is no
	// longer after its lag was below lowLag for recoversAfter.
	highLag        = time.Second
	lowLag         = highLag / 4
	saturatesAfter = 5 * time.Second
	recoversAfter  = 30 * time.Second
)

// Lag is how late a gateway's own work is at one moment.
type Lag struct {
	// By is how late it is.
	By time.Duration
	// Excused: a gateway of the fleet is leaving, so that all its browsers reconnect at
	// once. Then lag is expected, and a deploy does not degrade push.
	Excused bool
}

// Saturation decides whether a gateway has more work than it can do, so that its streams get news late. Only lag counts:
// refusing a stream because of a limit makes no other stream late. It is a value; the zero Saturation is not over.
type Saturation struct {
	over  bool
	since time.Time // since when lag has pointed to the other state; zero: it does not
}

// Over reports whether the gateway is saturated.
func (s Saturation) Over() bool { return s.over }

// Follow returns the Saturation at now, with the lag at that moment. Saturation begins after 5 s of high lag without a
// break, and ends after 30 s of low lag. Excused lag breaks both.
func (s Saturation) Follow(now time.Time, lag Lag) Saturation {
	opposite, long := lag.By > highLag, saturatesAfter
	if s.over {
		opposite, long = lag.By < lowLag, recoversAfter
	}
	switch {
	case lag.Excused, !opposite:
		return Saturation{over: s.over}
	case s.since.IsZero():
		return Saturation{s.over, now}
	case now.Sub(s.since) >= long:
		return Saturation{over: !s.over}
	}
	return s
}
