package pace

import (
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/version"
)

// one is a caller with a subject.
func one(i int) limits.Counted { return limits.Counted{Key: limits.Key(i)} }

// Few callers without a stream ask again after fast. Very many ask again as evenly as returnsPerSecond allows.
func TestReturn(t *testing.T) {
	const fast = 10 * time.Second
	for _, test := range []struct {
		callers int
		longest time.Duration
	}{
		{1, fast},
		{500, fast},
		{20_000, 49 * time.Second},
		{1_000_000, fast + fallback.MostWait},
	} {
		var s spreader
		now := time.Now()
		next := map[time.Duration]int{} // callers by the second of their return
		for i := range test.callers {   // all ask at once
			next[s.Return(one(i+1), fast, now)]++
		}
		var longest time.Duration
		for at, n := range next {
			longest = max(longest, at)
			if n > returnsPerSecond && at < fast+fallback.MostWait {
				t.Errorf("%d callers: %d come back in second %v", test.callers, n, at)
			}
		}
		if longest != test.longest {
			t.Errorf("%d callers: the last comes back after %v, want %v", test.callers, longest, test.longest)
		}
	}
}

// The rate stays within returnsPerSecond for as long as the callers ask, and one that asks all the time changes nothing.
func TestReturnKeepsItsRate(t *testing.T) {
	const fast, callers = 10 * time.Second, 20_000
	var s spreader
	begun := time.Now()
	due := map[int][]int{}
	for i := range callers {
		due[i%10] = append(due[i%10], i+1)
	}
	asked := 0
	for second := range 300 {
		now := begun.Add(time.Duration(second) * time.Second)
		for _, k := range due[second] {
			at := second + int(s.Return(one(k), fast, now).Round(time.Second)/time.Second)
			due[at] = append(due[at], k)
		}
		if second >= 100 {
			asked += len(due[second])
		}
	}
	if rate := float64(asked) / 200; rate < 0.9*returnsPerSecond || rate > 1.1*returnsPerSecond {
		t.Errorf("%.0f callers a second", rate)
	}

	s = spreader{}
	for range 100_000 {
		s.Return(one(7), fast, begun)
	}
	if got := s.Return(one(8), fast, begun); got > fast+time.Second {
		t.Errorf("a caller asked 100,000 times, and another waits %v", got)
	}
}

// What the spread of one advance costs.
func BenchmarkNews(b *testing.B) {
	var s spreader
	now := time.Now()
	s.resize(fallback.Room{Rate: 2900, Browsers: 30_000, Longest: time.Minute}, fallback.Size{Instances: 3, Browsers: 30_000, OwnBrowsers: 10_000}, now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.News(version.Index(i%1000), 1, now)
	}
}
