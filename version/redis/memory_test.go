package redis

import (
	"fmt"
	"runtime"
	"testing"

	"nudge/version"
)

// What a project costs on the board and in the source that is to subscribe to it, its name aside.
func BenchmarkWatchMemory(b *testing.B) {
	const n = 100_000
	projects := make([]version.Project, n)
	for i := range projects {
		projects[i] = project(fmt.Sprint("project-", i))
	}
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		before := heap()
		board := version.NewBoard()
		source, err := New(board, Options{Addrs: []string{"127.0.0.1:1"}})
		if err != nil {
			b.Fatal(err)
		}
		for i, p := range projects {
			source.Watch(p)
			board.Confirm(p, version.Key{Version: version.Version(i), Known: true}, 1)
		}
		for len(board.Take(nil)) > 0 {
		}
		source.subs.begin() // and all are subscribed to
		for c := source.subs.nextCommand(); c != nil; c = source.subs.nextCommand() {
			for _, p := range c.projects {
				source.subs.answered(p, true)
			}
			source.subs.nextReads(channelsPerCommand)
		}
		b.ReportMetric((heap()-before)/n, "B/project")
		runtime.KeepAlive(source)
	}
	runtime.KeepAlive(projects)
}
