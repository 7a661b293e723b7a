package stream

import (
	"math"
	"time"
)

const (
	// HelloMost is how long a hello may wait until the source listens for all projects.
	HelloMost = 2 * time.Second
	// SecondEvent is the time from the first hello to the next event. A browser that does not see it in time knows that
	// something on the way holds events back.
	SecondEvent = time.Second
	// rotateJitter varies the age at which streams rotate.
	rotateJitter = 0.2
	// stuckGrace beside two heartbeats is how long a reader may take nothing.
	stuckGrace = 30 * time.Second
)

// Patience is how long a reader may take nothing, if heartbeats come that often.
func Patience(heartbeat time.Duration) time.Duration { return 2*heartbeat + stuckGrace }

// Rotation is when a stream that opens now is so old that it ends; zero: never. u is a random number from 0 to 1.
func Rotation(age time.Duration, now time.Time, u float64) time.Time {
	if age <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(float64(age) * (1 + rotateJitter*(2*u-1))))
}

// Expiry is when a stream ends because its token expires; zero: never. It lies in the last fifth of the token's life, so
// that users who logged in together do not come back together, and never after the token has expired. A stream that opens
// within that fifth gets at least half of what is left. One that opens after the token expired, while the leeway lasts,
// gets at least half of the rest of that. issued is zero if the token does not say it. u is a random number from 0 to 1.
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

// unixSecond is a time in four bytes, true until 2106, rounded up; 0: never.
func unixSecond(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Add(time.Second-1).Unix(), 1), math.MaxUint32))
}
