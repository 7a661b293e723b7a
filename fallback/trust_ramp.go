package fallback

import (
	"math"
	"time"
)

// Trusted is the highest step of the trust ramp, which earns the whole of
// Policy.Slow.
const Trusted = 4

// Trust is how far push has proved itself: a step from 0 to [Trusted]. At step 0
// healthy push earns no more than degraded push does; each step lasts as long as
// the interval that it earns, so that every browser has polled once, and found
// nothing that push had missed, before it is asked to wait longer.
//
//	what happens                          the step
//	healthy for one interval of its step  one up
//	degraded                              one down, once for each time
//	down                                  0
//	healthy again                         the same; the time begins anew
//
// Trust is a value; the zero Trust has proved nothing.
type Trust struct {
	step int
	push Push      // when it was last followed
	next time.Time // when the next step is earned; zero: by nothing that is so now
}

// Step is the step, for [Input.Step].
func (t Trust) Step() int { return t.step }

// Next is when the step changes by time alone; zero: never.
func (t Trust) Next() time.Time { return t.next }

// Take returns a Trust of that step, if it is higher: a fresh gateway takes over
// what its fleet has proved.
func (t Trust) Take(step int) Trust {
	if step <= t.step {
		return t
	}
	return Trust{step: min(step, Trusted), push: t.push}
}

// Follow returns the Trust after push was found to be so at now.
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

// proof is how long a step lasts.
func (p Policy) proof(step int) time.Duration {
	return p.Cadence(Input{Push: Healthy, Share: 1, Step: step}).Poll
}

// earned is the interval of a step, in equal factors from least to most.
func earned(least, most float64, step int) float64 {
	switch {
	case step <= 0:
		return least
	case step >= Trusted:
		return most
	}
	return min(max(math.Round(least*math.Pow(most/least, float64(step)/Trusted)), least), most)
}
