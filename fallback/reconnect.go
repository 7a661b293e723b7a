package fallback

import "time"

const (
	// takes is how many streams a gateway lets in per second if no limit says
	// otherwise: an eighth of what two cores were measured to do.
	takes = 1000
	// MostAway bounds how long a stream may be kept away.
	MostAway = time.Minute
)

// ReconnectSpread returns how long n streams need to reconnect to so many gateways,
// each of which lets in perSecond; 0 or less: 1,000. It is never shorter than least,
// which a few streams need, nor longer than a minute.
func ReconnectSpread(n, gateways, perSecond int, least time.Duration) time.Duration {
	if perSecond <= 0 {
		perSecond = takes
	}
	seconds := float64(max(0, n)) / (float64(max(1, gateways)) * float64(perSecond))
	if seconds >= MostAway.Seconds() {
		return max(least, MostAway)
	}
	return max(least, duration(seconds*1000))
}

// Queue gives those who ask when they may open a stream a place each, so that no
// more come in a second than a limit lets in. It is a value; its zero value is
// empty.
type Queue struct{ end time.Time }

// Join returns the Queue with one more, and for how long that one has to wait at
// now, a minute at most. perSecond of 0 or less lets everybody come at once.
func (q Queue) Join(perSecond int, now time.Time) (Queue, time.Duration) {
	if perSecond <= 0 {
		return Queue{}, 0
	}
	wait := max(0, q.end.Sub(now))
	if wait >= MostAway {
		return q, MostAway
	}
	return Queue{now.Add(wait + time.Second/time.Duration(perSecond))}, wait
}
