package fallback

import "time"

const (
	// defaultConnects is how many streams per second a gateway is taken to admit if no
	// limit is set: an eighth of what was measured on two cores.
	defaultConnects = 1000
	// MostWait bounds how long a browser waits before it opens a stream.
	MostWait = time.Minute
)

// ReconnectSpread returns how long n streams need to reconnect to other gateways, if each of these admits perSecond streams
// a second; 0 or less: 1,000. It is least at least, and otherwise a minute at most.
func ReconnectSpread(n, gateways, perSecond int, least time.Duration) time.Duration {
	if perSecond <= 0 {
		perSecond = defaultConnects
	}
	seconds := float64(max(0, n)) / (float64(max(1, gateways)) * float64(perSecond))
	if seconds >= MostWait.Seconds() {
		return max(least, MostWait)
	}
	return max(least, duration(seconds*1000))
}

// Queue gives each caller a time to open a stream, so that no more open in a second
// than a limit admits. It is a value; its zero value is empty.
type Queue struct{ end time.Time }

// Join returns the Queue with one more caller, and how long that caller must wait
// from now, a minute at most. With perSecond of 0 or less nobody waits.
func (q Queue) Join(perSecond int, now time.Time) (Queue, time.Duration) {
	if perSecond <= 0 {
		return Queue{}, 0
	}
	wait := max(0, q.end.Sub(now))
	if wait >= MostWait {
		return q, MostWait
	}
	return Queue{now.Add(wait + time.Second/time.Duration(perSecond))}, wait
}
