//go:build unix

package faults

import (
	"time"
)

// finish waits until all is well, or too late, and returns what happened.
func (s *stage) finish() *record {
	s.Helper()
	r := s.record()
	late := s.begun.Add(s.mended + r.healthy(s.expect) + time.Second)
	s.pass(time.Second)
	s.app.turn(over) // so that what was published while the gateway found its way back has no successor either
	s.pass(s.expect.within)
	s.wait("healthy push on every stream", time.Until(late), func() bool { return s.crowd.all(wellNow) })
	s.close()
	held := s.holdings()
	s.wait("news on every stream", max(prompt, s.expect.within), func() bool { return informed(s.record().without(held)) })
	// An echo may have been late meanwhile, on a busy machine: it does not count if the streams are told in time.
	s.wait("healthy push on every stream", max(time.Until(late), prompt), func() bool { return s.crowd.all(wellNow) })
	r = s.record().without(held)
	s.crowd.close()
	return r
}

// holdings are the versions that Redis holds in the end; nil: nobody asks.
func (s *stage) holdings() map[string]int64 {
	if s.stored == nil {
		return nil
	}
	held := map[string]int64{}
	for i := range projects {
		held[project(i)] = s.stored(project(i))
	}
	return held
}

// without marks as lost what was acknowledged and is not held.
func (r *record) without(held map[string]int64) *record {
	for i, n := range r.news {
		r.news[i].lost = held != nil && n.acked != 0 && n.version > held[n.project]
	}
	return r
}

// informed tells whether every stream has heard of the newest version of each of its projects.
func informed(r *record) bool {
	h := newHistory(r)
	for i := range r.streams {
		for _, p := range r.streams[i].projects {
			newest := h.newest(p, r.end)
			if newest < 0 {
				continue
			}
			if _, ok := h.known(&r.streams[i], p, newest); !ok {
				return false
			}
		}
	}
	return true
}

func (s *stage) record() *record {
	return &record{
		probe: s.probe, fault: s.broken, repair: s.mended, end: time.Since(s.begun),
		news: s.app.published(), streams: s.crowd.heard(),
	}
}
