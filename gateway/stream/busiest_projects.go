package stream

import (
	"cmp"
	"slices"
	"time"

	"nudge/version"
)

// countedFor is how long the topics count advances before they begin anew. The answer is of the last one to two such times.
const countedFor = 30 * time.Minute

// Counted is a project, and how many watchers or advances it has.
type Counted struct {
	Project version.Project `json:"project"`
	N       int             `json:"n"`
}

// MostWatched returns the projects that the most streams and held polls watch, the most first.
func (h *Hub) MostWatched(most int) []Counted {
	return h.most(most, func(t *topic) int { return int(t.watches) })
}

// MostAdvanced returns the projects that advanced most while they were watched, the most first, and since when that was counted:
// an hour at most. A project that nobody uses any more is not among them.
func (h *Hub) MostAdvanced(most int) (list []Counted, since time.Time) {
	list = h.most(most, func(t *topic) int { return int(t.now) + int(t.before) })
	h.mu.Lock()
	defer h.mu.Unlock()
	return list, h.since
}

// most returns the projects with the greatest numbers above 0, never nil.
func (h *Hub) most(most int, number func(*topic) int) []Counted {
	list := []Counted{}
	h.eachTopic(func(i version.Index, t *topic) {
		n := number(t)
		if n == 0 || len(list) == most && n <= list[most-1].N {
			return
		}
		at, _ := slices.BinarySearchFunc(list, n, func(c Counted, n int) int { return cmp.Or(cmp.Compare(n, c.N), -1) })
		list = slices.Insert(list, at, Counted{h.opt.Board.Project(i), n})
		list = list[:min(most, len(list))]
	})
	return list
}

// turn makes all topics begin a new half hour.
func (h *Hub) turn(now time.Time) {
	h.eachTopic(func(_ version.Index, t *topic) { t.before, t.now = t.now, 0 })
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since, h.turned = h.turned, now
}

// eachTopic calls f with each topic. It locks the hub for 256 of them at a time: a microsecond each.
func (h *Hub) eachTopic(f func(version.Index, *topic)) {
	chunkOf := func(chunk int) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		if chunk >= len(h.topics) {
			return false
		}
		for i := range h.topics[chunk] {
			f(version.Index(chunk*topicsAtOnce+i), &h.topics[chunk][i])
		}
		return true
	}
	for chunk := 0; chunkOf(chunk); chunk++ {
	}
}
