package stream

import "nudge/version"

// extras are the watchers of projects whose callers have more streams than a caller counts as. A page with very many projects
// has many streams too, each for other projects. So for each project, some extra watchers of a caller count. The others are
// over.
type extras struct {
	tabs int
	each map[extra]int
	over map[version.Index]int
}

type extra struct {
	project version.Index
	caller  uint64
}

func newExtras(tabs int) extras {
	return extras{tabs, map[extra]int{}, map[version.Index]int{}}
}

// add adds n extra watchers of a project. Those of caller 0 are all over.
func (e *extras) add(i version.Index, caller uint64, n int) {
	over := n
	if k := (extra{i, caller}); caller != 0 {
		before := e.each[k]
		after := before + n
		over = max(0, after-e.tabs) - max(0, before-e.tabs)
		if e.each[k] = after; after == 0 {
			delete(e.each, k)
			if len(e.each) == 0 { // a map does not shrink
				e.each = map[extra]int{}
			}
		}
	}
	if e.over[i] += over; e.over[i] == 0 {
		delete(e.over, i)
	}
}

// Extra says that n more of a project's watchers are extra ones of a caller. A watcher must be none before Unwatch.
func (h *Hub) Extra(i version.Index, caller uint64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.extra.add(i, caller, n)
}
