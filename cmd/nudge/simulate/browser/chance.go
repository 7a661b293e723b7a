package browser

import "math"

func between(random func() float64, low, high float64) float64 { return low + (high-low)*random() }

// stretched is a wait that a server asked for as a minimum.
func stretched(random func() float64, ms Millis, jitter float64) Millis {
	return ms * between(random, 1, 1+jitter)
}

// backoff is full jitter: anything from floor to the n-th doubling of step, most at most.
func backoff(random func() float64, n int, step, floor, most Millis) Millis {
	return between(random, floor, max(floor, min(most, math.Ldexp(step, n))))
}
