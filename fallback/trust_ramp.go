package fallback

import (
	"math"
	"time"
)

// Trusted is the highest step of the trust ramp. Its interval is Policy.Slow.
const Trusted = 4

// Trust is how far push has proved that it works: a step from 0 to [Trusted]. At step 0 the interval with healthy push is
// the same as with degraded push. Each step lasts as long as its interval. So every browser has polled once, and could
// report news that push missed, before the interval grows.
//
//	what happens                          the step
//	healthy for one interval of its step  one up
//	degraded                              one down, once for each time
//	down                                  0
//	healthy again                         the same; its time starts again
//
// Trust is a value; the zero Trust has proved nothing.
type Trust struct {
	step int
	push Push      // of the last Follow
	next time.Time // when the step rises; zero: never, as things are
}

// Step returns the step, for [Input.Step].
func (t Trust) Step() int { return t.step }

// Next returns when the step rises by time alone; zero: never.
func (t Trust) Next() time.Time { return t.next }

// Take returns a Trust of a step, if that is higher: a starting gateway takes over the step of its fleet.
func (t Trust) Take(step int) Trust {
	if step <= t.step {
		return t
	}
	return Trust{step: min(step, Trusted), push: t.push}
}

// Follow returns the Trust with this state of push at now.
func (t Trust) Follow(p Policy, push Push, now time.Time) Trust {
	before := t.push
	t.push = push
	switch {
	case push != Healthy && push != Degraded:
		return Trust{push: push}
	case push == Degraded:
		if before == Healthy {
			t.step = max(0, t.step-1)
		}
		t.next = time.Time{}
	case t.step == Trusted:
		t.next = time.Time{}
	case t.next.IsZero():
		t.next = now.Add(p.proof(t.step))
	case !now.Before(t.next):
		t.step++
		t.next = time.Time{}
		if t.step < Trusted {
			t.next = now.Add(p.proof(t.step))
		}
	}
	return t
}

// proof returns how long a step lasts.
func (p Policy) proof(step int) time.Duration {
	return p.Cadence(Input{Push: Healthy, Share: 1, Step: step}).Poll
}

// stepInterval returns the interval of a step, in milliseconds, from least to most. It
// grows by the same factor with each step.
func stepInterval(least, most float64, step int) float64 {
	switch {
	case step <= 0:
		return least
	case step >= Trusted:
		return most
	}
	return min(max(math.Round(least*math.Pow(most/least, float64(step)/Trusted)), least), most)
}
