package gateway

import (
	"fmt"
	"testing"
	"time"

	"nudge/gateway/pace"
	"nudge/version"
)

// What the hub does for one advance.
func BenchmarkDeliver(b *testing.B) {
	board := version.NewBoard()
	h := newHub(board, version.NewMemory(board, version.MemoryOptions{}), func() time.Duration { return time.Hour },
		func() int { return 10_000 }, pace.New(pace.Options{}))
	var changes []version.Change
	for i := range 1000 {
		m, err := version.ParseMark(fmt.Sprint(i))
		if err != nil {
			b.Fatal(err)
		}
		h.join(newWatch([]slot{{project: m.Project}}))
		changes = append(changes, version.Change{Project: m.Project, State: version.State{Known: true, Listening: true, Version: 5}})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.deliver(changes[i%1000 : i%1000+1])
	}
}
