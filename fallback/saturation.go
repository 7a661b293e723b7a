package fallback

import "time"

const (
	// laggard is the lag above which a gateway does not keep up, and brisk that
	// below which it does again.
	laggard = time.Second
	brisk   = laggard / 4
	// strained is how long a gateway must not keep up until it counts as saturated,
	// and eased how long it must have kept up to be trusted again.
	strained = 5 * time.Second
	eased    = 30 * time.Second
)

// Strain is how a gateway does at one moment.
type Strain struct {
	// Lag is by how much later it does things than it means to.
	Lag time.Duration
	// Refused tells whether it has just turned a stream away for a limit of its own.
	Refused bool
	// Excused: a gateway of the fleet is leaving, so that many come at once. That
	// is no sign of weakness, and deploys stay calm.
	Excused bool
}

// Saturation tells whether a gateway has more to do than it can: its streams may
// be alive, and yet hear news late. It is a value; the zero Saturation is at ease.
type Saturation struct {
	over  bool
	since time.Time // since when it has been otherwise; zero: it is as before
}

// Over tells whether it is saturated.
func (s Saturation) Over() bool { return s.over }

// Follow returns the Saturation at now, when it was found to be so. It turns only
// after the opposite has been so without a break: 5 s of strain, 30 s of ease.
// While it is excused strain does not count, and neither does ease.
func (s Saturation) Follow(now time.Time, n Strain) Saturation {
	if n.Excused {
		return Saturation{over: s.over}
	}
	otherwise, most := n.Lag > laggard || n.Refused, strained
	if s.over {
		otherwise, most = n.Lag < brisk && !n.Refused, eased
	}
	switch {
	case !otherwise:
		return Saturation{over: s.over}
	case s.since.IsZero():
		return Saturation{s.over, now}
	case now.Sub(s.since) >= most:
		return Saturation{over: !s.over}
	}
	return s
}
