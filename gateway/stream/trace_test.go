package stream

import (
	"strconv"
	"testing"
	"time"

	"nudge/version"
)

type deaf struct{}

func (deaf) Offer(version.Index, *Frame) {}

// BenchmarkDeliver is what a change of a watched project costs before it reaches the loops. off: nothing is traced.
func BenchmarkDeliver(b *testing.B) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, received := range map[string]func(version.Change) (version.Trace, func()){
		"off": nil, "on": func(version.Change) (version.Trace, func()) { return trace, func() {} },
	} {
		b.Run(name, func(b *testing.B) {
			board := version.NewBoard()
			h := NewHub(HubOptions{
				Board: board, Source: version.NewMemory(board, version.MemoryOptions{}), Received: received,
				Linger: func() time.Duration { return time.Minute }, Projects: func() int { return 1000 },
				Spread: func(version.Index, int, time.Time) time.Duration { return 0 },
			})
			loop := h.Join(deaf{})
			changes := make([]version.Change, 100)
			for i := range changes {
				p, err := version.ParseProject(strconv.Itoa(i))
				if err != nil {
					b.Fatal(err)
				}
				index := h.Open(p)
				h.Watch(index, loop, true)
				changes[i] = version.Change{Project: p, Index: index, State: version.State{Version: 7, Known: true}, Advance: true}
				if received != nil {
					changes[i].Extras = &version.News{Trace: trace}
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				h.Deliver(changes)
			}
		})
	}
}
