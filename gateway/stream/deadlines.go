package stream

import (
	"math"
	"time"
)

const (
	// HelloMost is how long a first hello may wait until the source listens for all projects.
	HelloMost = 2 * time.Second
	// FlushAfter is the time from the first hello to a comment. Varnish holds a body that came together with its head until the
	// next bytes come. The comment must come in a read of its own, so it is not sent at once.
	FlushAfter = 100 * time.Millisecond
	// SecondEvent is the time from the first hello to the next event. If the browser does not get that in time, a proxy holds
	// events back.
	SecondEvent = time.Second
	// ReplacedAfter is how soon the page of a stream that made room comes back, and over how much more time that is spread.
	ReplacedAfter = 30 * time.Second
	// rotateJitter varies the age at which streams rotate.
	rotateJitter = 0.2
	// stuckGrace is added to two heartbeats: see Patience.
	stuckGrace = 30 * time.Second
)

// Patience returns how long a browser may read nothing before its stream ends. heartbeat is the time between heartbeats.
func Patience(heartbeat time.Duration) time.Duration { return 2*heartbeat + stuckGrace }

// Rotation returns when a stream that opens now ends because of its age; zero: never. u is a random number from 0 to 1.
func Rotation(age time.Duration, now time.Time, u float64) time.Time {
	if age <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(float64(age) * (1 + rotateJitter*(2*u-1))))
}

// Expiry returns when a stream ends because its token expires; zero: never. The end is random within the last fifth of the
// token's life, so that users who logged in together do not come back together. A stream that opens within that fifth gets at
// least half of the time left. Within the leeway after the expiry, it gets at least half of the leeway left. issued is zero
// if the token does not say it. u is a random number from 0 to 1.
func Expiry(issued, expires time.Time, leeway time.Duration, now time.Time, u float64) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	end := expires
	if !end.After(now) {
		end = end.Add(leeway)
	}
	left := end.Sub(now)
	life := left
	if !issued.IsZero() && issued.Before(now) {
		life = expires.Sub(issued)
	}
	span := max(0, min(life/5, left/2))
	return end.Add(-time.Duration(float64(span) * u))
}

// unixSecond returns t as a Unix second in four bytes, rounded up; 0: never. It is exact until 2106.
func unixSecond(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Add(time.Second-1).Unix(), 1), math.MaxUint32))
}
