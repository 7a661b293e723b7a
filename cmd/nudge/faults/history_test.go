package faults

import (
	"slices"
	"time"
)

// history is what was published. Within a project the order of publishing decides what is newer, not the number: a
// reset goes back, and so does an application that was restored with its database. A number is never used twice.
type history struct {
	of    map[string][]publication // by project
	place map[mark]int             // in there
}

type mark struct {
	project string
	version int64
}

func newHistory(r *record) history {
	h := history{map[string][]publication{}, map[mark]int{}}
	for _, n := range r.news {
		h.place[mark{n.project, n.version}] = len(h.of[n.project])
		h.of[n.project] = append(h.of[n.project], n)
	}
	return h
}

// newest is the place of the newest version that was acknowledged before this time and not lost; -1: none.
func (h history) newest(p string, before time.Duration) int {
	newest := -1
	for i, n := range h.of[p] {
		if n.acked != 0 && n.acked < before && !n.lost {
			newest = i
		}
	}
	return newest
}

// known is when the stream was first told of the i-th version of p, of a newer one, or that its version is
// unknown, which counts from the moment on in which publishing began: the page then asks the application.
func (h history) known(s *stream, p string, i int) (time.Duration, bool) {
	begun := h.of[p][i].begun
	for _, e := range s.said {
		if e.at < begun {
			continue
		}
		v, named := e.version, e.event == advance && e.project == p
		if e.event == hello {
			v, named = e.versions[p]
		}
		if named {
			if told, ok := h.place[mark{p, v}]; ok && told >= i {
				return e.at, true
			}
		}
		if e.event == hello && slices.Contains(e.unknown, p) {
			return e.at, true
		}
	}
	return 0, false
}
