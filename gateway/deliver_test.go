package gateway

import (
	"fmt"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// What the hub does for one advance, with and without the question over which time it is to be spread.
func BenchmarkDeliver(b *testing.B) {
	var s spreader
	s.resize(fallback.Room{Rate: 2900, Browsers: 30_000, Longest: time.Minute}, fallback.Size{Instances: 3, Streams: 30_000, Own: 10_000}, time.Now())
	board := version.NewBoard()
	h := newHub(board, version.NewMemory(board, version.MemoryOptions{}), func() time.Duration { return time.Hour },
		func() int { return 10_000 }, &s)
	var changes []version.Change
	for i := range 1000 {
		m, err := version.ParseMark(fmt.Sprint(i))
		if err != nil {
			b.Fatal(err)
		}
		h.join(newWatch([]slot{{project: m.Project}}))
		changes = append(changes, version.Change{Project: m.Project, State: version.State{Known: true, Listening: true, Version: 5}})
	}
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.deliver(changes[i%1000 : i%1000+1])
		}
	})
	b.Run("spread", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		for i := 0; b.Loop(); i++ {
			t := h.topics[changes[i%1000].Project]
			s.news(&t.window, t.streams(), now)
		}
	})
}
