package gateway

import (
	"math/rand/v2"
	"time"

	"nudge/gateway/auth"
)

const (
	// helloMost is how long a hello may wait for the source to listen.
	helloMost = 2 * time.Second
	// secondEvent follows the first hello: a browser that does not see it in time knows that something on the
	// way holds events back.
	secondEvent = time.Second
	// retryLeast and retryMost bound how soon a browser comes back when its stream breaks.
	retryLeast, retryMost = time.Second, 5 * time.Second
	// rotateJitter varies the age at which streams rotate.
	rotateJitter = 0.2
	// stuckGrace beside two heartbeats is how long a reader may take nothing.
	stuckGrace = 30 * time.Second
)

// retryTime is when one browser comes back if its stream breaks. It differs from stream to stream.
func retryTime() time.Duration {
	return retryLeast + time.Duration(rand.Int64N(int64(retryMost-retryLeast)))
}

// rotation is when a stream that opens now has become so old that it ends; zero: never.
func rotation(age time.Duration, now time.Time, u float64) time.Time {
	if age <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(float64(age) * (1 + rotateJitter*(2*u-1))))
}

// expiry is when a stream of who ends for its token: in the last fifth of the token's life, so that those
// who logged in together do not come back together, and never after it has expired. What opens within that
// last fifth gets half of what is left at least; what opens after it, while the leeway lasts, half of that.
func expiry(who *auth.Caller, leeway time.Duration, now time.Time, u float64) time.Time {
	if who.Expires.IsZero() {
		return time.Time{}
	}
	end := who.Expires
	if !end.After(now) {
		end = end.Add(leeway)
	}
	left := end.Sub(now)
	life := left
	if !who.Issued.IsZero() && who.Issued.Before(now) {
		life = who.Expires.Sub(who.Issued)
	}
	span := max(0, min(life/5, left/2))
	return end.Add(-time.Duration(float64(span) * u))
}

func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// patience is how long a reader may take nothing before it counts as dead.
func (g *Gateway) patience() time.Duration { return 2*g.pace.Now().Heartbeat + stuckGrace }
