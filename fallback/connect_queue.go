package fallback

import "time"

// MostWait bounds how long a browser waits before it opens a stream.
const MostWait = time.Minute

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
