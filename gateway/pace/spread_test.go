package pace

import (
	"testing"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// What the spread of one advance costs.
func BenchmarkNews(b *testing.B) {
	var s spreader
	now := time.Now()
	s.resize(fallback.Room{Rate: 2900, Browsers: 30_000, Longest: time.Minute}, fallback.Size{Instances: 3, Streams: 30_000, Own: 10_000}, now)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.News(version.Index(i%1000), 1, now)
	}
}
