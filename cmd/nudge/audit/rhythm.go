package audit

import (
	"math"
	"slices"
)

const (
	// leastGaps show a rhythm. Fewer may be a person who clicks.
	leastGaps = 9
	// shortestInterval and longestInterval bound what counts as polling, in seconds.
	shortestInterval, longestInterval = 0.5, 900
	// steady is the share of gaps that must be near the interval. A tab in the background is late now and then.
	steady = 0.75
	// mostPages is how many pages of one client are told apart. The sums of more gaps are alike even for requests at random.
	mostPages = 3
)

// rhythm finds the interval, in seconds, at which requests come whose gaps these are; 0: there is none. Several pages of one
// client send one after the other: then every second gap has the rhythm, or every third.
func rhythm(gaps []float32) float64 {
	sums := make([]float64, 0, gapsKept)
	for pages := 1; pages <= mostPages && len(gaps) >= leastGaps*pages; pages++ {
		sums = sums[:0]
		for i := 0; i+pages <= len(gaps); i++ {
			sum := 0.0
			for _, g := range gaps[i : i+pages] {
				sum += float64(g)
			}
			sums = append(sums, sum)
		}
		slices.Sort(sums)
		middle := sums[len(sums)/2]
		if middle < shortestInterval || middle > longestInterval {
			continue
		}
		// Pages have jitter, and many logs have whole seconds.
		near := max(0.3*middle, min(1, 0.5*middle))
		if pages > 1 {
			near = max(0.25*middle, min(1, 0.4*middle))
		}
		count := 0
		for _, s := range sums {
			if math.Abs(s-middle) <= near {
				count++
			}
		}
		if float64(count) >= steady*float64(len(sums)) {
			return mean(sums, middle, near)
		}
	}
	return 0
}

// mean is the mean of those that are near the middle: with whole seconds the middle alone is wrong by up to one.
func mean(sums []float64, middle, near float64) float64 {
	sum, n := 0.0, 0
	for _, s := range sums {
		if math.Abs(s-middle) <= near {
			sum += s
			n++
		}
	}
	return sum / float64(n)
}
