package version

import (
	"fmt"
	"runtime"
	"testing"
)

// manyProjects are as many as a gateway has whose pages have a project for each user.
const manyProjects = 100_000

// perProject reports the heap that hold keeps for each of many projects. What hold returns is kept until it is measured.
func perProject(b *testing.B, hold func([]Project) any) {
	projects := make([]Project, manyProjects)
	for i := range projects {
		projects[i] = Project{fmt.Sprint("project-", i)}
	}
	for b.Loop() {
		before := heap()
		kept := hold(projects)
		b.ReportMetric((heap()-before)/manyProjects, "B/project")
		runtime.KeepAlive(kept)
	}
	runtime.KeepAlive(projects)
}

// heap is what is in use on it, garbage aside.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// What a project costs on the board, its name aside.
func BenchmarkBoardMemory(b *testing.B) {
	perProject(b, func(projects []Project) any {
		board := NewBoard()
		for i, p := range projects {
			board.Open(p)
			board.Confirm(p, Key{Version(i), true}, 1)
		}
		for len(board.Take(nil)) > 0 {
		}
		return board
	})
}

// What a project costs on the board and in the source of a single node.
func BenchmarkMemoryMemory(b *testing.B) {
	perProject(b, func(projects []Project) any {
		board := NewBoard()
		source := NewMemory(board, MemoryOptions{})
		for _, p := range projects {
			source.Watch(p)
		}
		for len(board.Take(nil)) > 0 {
		}
		return source
	})
}
