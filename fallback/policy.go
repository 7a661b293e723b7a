package fallback

import (
	"cmp"
	"math"
	"time"
)

const (
	// defaultFast is Fast when none is set: an interval of 0 would be a flood.
	defaultFast = 10 * time.Second
	// defaultHeartbeat stays below the idle timeout of common proxies.
	defaultHeartbeat = 25 * time.Second
	// defaultJitter separates the polls of browsers that began together.
	defaultJitter = 0.2
	// degradedFactor is how many fast intervals a browser waits while push is degraded.
	degradedFactor = 3
	// maxTTL bounds how long an answer of /poll-interval holds.
	maxTTL = time.Minute
)

// Policy is how the operator wants browsers to poll. It is a value; its zero value polls every 10 s whatever push does.
type Policy struct {
	Fast    time.Duration // the interval without push, in milliseconds, rounded up; zero or less: 10 s
	Slow    time.Duration // the interval with healthy push, in milliseconds, rounded down; Fast at least
	Longest time.Duration // the longest fast interval, under high load; Fast at least
	Gap     time.Duration // the shortest time between two polls of one browser after news, in milliseconds, rounded up; 0 at least
	// Budget is how many polls per second the application can take from all browsers together. Without a number above 0: see
	// [Policy.Capacity].
	Budget float64
	// Jitter is the share of an interval by which a browser varies it, at least 0 and below 1. Anything else, NaN too, counts
	// as 0.2.
	Jitter    float64
	Heartbeat time.Duration // between two heartbeats of a stream, in milliseconds, rounded up; zero or less: 25 s
}

// Input is what Policy decides by. The zero value is the worst case and gives the fast interval.
type Input struct {
	// Push is the verdict of health, or Off for a caller whom the flag excludes. For an open stream that the flag is about
	// to end, it is still the verdict: its Share falls instead.
	Push  Push
	Share float64       // how much push counts, 0 to 1, by [Ramp.Share]; anything else, NaN too, counts as 0
	Step  int           // how far push has proved itself, by [Trust]; it counts as the nearest from 0 to [Trusted]
	Fast  time.Duration // the fast interval, by [Stretch]; Policy.Fast at least
}

// Cadence is how often one browser polls. Durations are whole milliseconds and above 0; Gap may be 0. Jitter is a finite
// number. So a Cadence can be written as JSON and compared with ==.
type Cadence struct {
	Push Push
	Poll time.Duration // the interval for a browser whose stream has proved that it works, from Fast up to Policy.Slow
	Fast time.Duration // the interval for every other browser

	Gap       time.Duration // this and the others: the policy's
	Heartbeat time.Duration
	Jitter    float64
}

// Cadence returns the cadence for in. With degraded push the interval is three fast ones, Slow at most. With healthy push it
// is from that up to Slow, by the step. Otherwise it is the fast one. With a share between 0 and 1 it is between the fast
// interval and that, so that equal changes of the share change the load on the application equally: it is the polls per
// second that are interpolated, not the seconds per poll.
func (p Policy) Cadence(in Input) Cadence {
	fast := max(ceilMillis(p.fast()), floorMillis(in.Fast))
	slow := max(fast, floorMillis(p.Slow))
	push, target := in.Push, fast
	switch degraded := min(slow, degradedFactor*fast); push {
	case Healthy:
		target = stepInterval(degraded, slow, in.Step)
	case Degraded:
		target = degraded
	case Down, Off:
	default:
		push = Down
	}
	// The inverse of the rate (1−share)/fast + share/target. Both ends are whole
	// numbers, so rounding cannot leave their range.
	share, jitter := in.Share, p.Jitter
	if !(share >= 0 && share <= 1) { // NaN too
		share = 0
	}
	if !(jitter >= 0 && jitter < 1) {
		jitter = defaultJitter
	}
	poll := math.Round(fast * target / ((1-share)*target + share*fast))
	return Cadence{
		Push:      push,
		Poll:      duration(poll),
		Fast:      duration(fast),
		Gap:       duration(ceilMillis(max(0, p.Gap))),
		Heartbeat: duration(ceilMillis(cmp.Or(max(0, p.Heartbeat), defaultHeartbeat))),
		Jitter:    jitter,
	}
}

// TTL returns how long the cadence holds for a browser without a stream, before it
// asks again: 6 fast intervals, a minute at most.
func (c Cadence) TTL() time.Duration { return 6 * min(c.Fast, maxTTL/6) }

// ceilMillis returns d in milliseconds, rounded up. A float64 is exact for every millisecond of a time.Duration, and products
// do not overflow.
func ceilMillis(d time.Duration) float64 {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 && ms < math.MaxInt64/time.Millisecond {
		ms++
	}
	return float64(ms)
}

// floorMillis returns d in milliseconds, rounded down.
func floorMillis(d time.Duration) float64 { return float64(d / time.Millisecond) }

func duration(ms float64) time.Duration { return time.Duration(ms) * time.Millisecond }
