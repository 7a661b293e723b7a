package audit

import "slices"

const (
	// leastRequests is how many requests show a rhythm. Fewer may be a person who clicks.
	leastRequests = 6
	// shortestInterval and longestInterval bound what counts as polling, in seconds.
	shortestInterval, longestInterval = 0.5, 900
	// steady is the share of gaps that must be near the interval, and nearLow and nearHigh say what is near: clocks of logs have
	// whole seconds, pages have jitter, and a tab in the background is late now and then.
	steady          = 0.7
	nearLow, nearHi = 0.6, 1.5
	// mostPages is how many pages of one client are told apart.
	mostPages = 6
)

// rhythm finds the interval, in seconds, at which requests come whose gaps these are. Several pages of one client send one
// after the other: then every second gap, or every third, has the rhythm. pages is how many there are; 0: no rhythm.
func rhythm(gaps []float32) (every float64, pages int) {
	if len(gaps) < leastRequests-1 {
		return 0, 0
	}
	sums := make([]float64, 0, len(gaps))
	for pages = 1; pages <= mostPages && len(gaps) >= pages*2+leastRequests-3; pages++ {
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
		near := 0
		for _, s := range sums {
			if s >= nearLow*middle && s <= nearHi*middle {
				near++
			}
		}
		if float64(near) >= steady*float64(len(sums)) {
			return middle, pages
		}
	}
	return 0, 0
}
