package fallback

import (
	"math"
	"time"
)

const (
	// defaultFast is the pace when none is set: an interval of 0 would be a flood.
	defaultFast = 10 * time.Second
	// defaultHeartbeat stays below the idle timeout of common proxies.
	defaultHeartbeat = 25 * time.Second
	// defaultJitter keeps browsers that began together from staying together.
	defaultJitter = 0.2
	// doubt is how many fast intervals a browser waits while push is degraded.
	doubt = 3
	// maxTTL bounds how long a browser goes by an answer of /poll-interval.
	maxTTL = time.Minute
)

// Policy is how the operator wants browsers to poll. It is a value; its zero
// value polls every 10 s whatever push does.
type Policy struct {
	// Fast is the interval without push. Zero or less: 10 s. A part of a
	// millisecond is rounded up.
	Fast time.Duration
	// Slow is the interval with healthy push. Below Fast it counts as Fast. A
	// part of a millisecond is dropped.
	Slow time.Duration
	// Longest is how far load may stretch the fast interval. Below Fast it counts
	// as Fast.
	Longest time.Duration
	// Gap parts the news-driven polls of one browser. Below 0 it counts as 0. A part
	// of a millisecond is rounded up.
	Gap time.Duration
	// Budget is how many polls per second the application can take from all
	// browsers together. What is no number above 0: see [Policy.Capacity].
	Budget float64
	// Jitter is the part of an interval by which a browser varies it, at least 0
	// and below 1. Anything else, NaN too, counts as 0.2.
	Jitter float64
	// Heartbeat is how often an idle stream hears from us. Zero or less: 25 s. A
	// part of a millisecond is rounded up.
	Heartbeat time.Duration
}

// Input is what Policy needs to know of the present. The zero value is the
// worst case and gives the fast interval.
type Input struct {
	// Push is the verdict of health, or Off for a caller whom the flag refuses. A
	// stream that the flag will end, but has not yet, is still judged by health:
	// its Share falls instead.
	Push Push
	// Share is how much push counts, 0 to 1, as [Ramp.Share] gives it. Anything
	// else, NaN and the infinities too, counts as 0.
	Share float64
	// Step is how far push has proved itself, as [Trust] gives it: 0 to [Trusted].
	// Anything else counts as the nearer of the two.
	Step int
	// Fast is the fast interval as [Stretch] gives it. Below the policy's it counts
	// as that.
	Fast time.Duration
}

// Cadence is how often to poll, as told to one browser. Durations are whole
// milliseconds and above 0, but for Gap, which may be 0, and Jitter is a finite number: all of it can be
// written as JSON, and two of them can be compared with ==.
type Cadence struct {
	Push Push
	// Poll is the interval for a browser whose stream has proved itself, from
	// Fast up to the policy's Slow.
	Poll time.Duration
	// Fast is the interval for every other browser.
	Fast time.Duration
	// Gap, Heartbeat and Jitter are the policy's.
	Gap       time.Duration
	Heartbeat time.Duration
	Jitter    float64
}

// Cadence decides. Degraded push earns three fast intervals (never above slow),
// healthy push from that up to the slow one, by its step, and anything else the
// fast one. A share between
// 0 and 1 lies between the fast interval and that, so that equal changes of the
// share change the load on the application equally: it is the polls per second
// that are interpolated, not the seconds per poll.
func (p Policy) Cadence(in Input) Cadence {
	fast := max(ceilMillis(p.fast()), floorMillis(in.Fast))
	slow := max(fast, floorMillis(p.Slow))
	push, target := in.Push, fast
	switch push {
	case Healthy:
		target = earned(min(slow, doubt*fast), slow, in.Step)
	case Degraded:
		target = min(slow, doubt*fast)
	case Down, Off:
	default:
		push = Down
	}
	// The rate (1−share)/fast + share/target, upside down. Both ends are whole
	// numbers, so rounding cannot leave their range.
	share := portion(in.Share)
	poll := math.Round(fast * target / ((1-share)*target + share*fast))
	return Cadence{
		Push:      push,
		Poll:      duration(poll),
		Fast:      duration(fast),
		Gap:       duration(ceilMillis(max(0, p.Gap))),
		Heartbeat: duration(ceilMillis(orElse(p.Heartbeat, defaultHeartbeat))),
		Jitter:    p.jitter(),
	}
}

// jitter is Jitter where it makes sense. The comparison is written so that NaN
// fails it.
func (p Policy) jitter() float64 {
	if p.Jitter >= 0 && p.Jitter < 1 {
		return p.Jitter
	}
	return defaultJitter
}

// TTL is how long a browser without a stream may go by this cadence before it
// asks again: 6 fast intervals, a minute at most.
func (c Cadence) TTL() time.Duration {
	return 6 * min(c.Fast, maxTTL/6)
}

// FastSeconds is Fast in whole seconds, rounded up, for the X-Poll-Interval
// header: its reader may poll later than asked but never sooner.
func (c Cadence) FastSeconds() int64 {
	seconds := int64(c.Fast / time.Second)
	if c.Fast%time.Second > 0 {
		seconds++
	}
	return seconds
}

// portion is share if that is a number from 0 to 1, and 0 otherwise. min and max
// would hand NaN through; a comparison with NaN is false.
func portion(share float64) float64 {
	if share >= 0 && share <= 1 {
		return share
	}
	return 0
}

// orElse is d, or other where d is not above 0.
func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// ceilMillis is d in milliseconds, rounded up. Computing goes on in float64:
// every millisecond that a time.Duration can hold is exact there, and no product
// overflows.
func ceilMillis(d time.Duration) float64 {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 && ms < math.MaxInt64/time.Millisecond {
		ms++
	}
	return float64(ms)
}

// floorMillis is d in milliseconds, rounded down.
func floorMillis(d time.Duration) float64 { return float64(d / time.Millisecond) }

func duration(ms float64) time.Duration { return time.Duration(ms) * time.Millisecond }
