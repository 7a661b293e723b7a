package gateway

import (
	"sync/atomic"

	"nudge/version"
)

// audience is one project as the streams of one loop know it, and all of them that watch it. The hub offers it
// frames; the loop tells them to its seats, a slice at a time.
type audience struct {
	loop    *loop
	project version.Project

	peer *audience // of another loop, for the same project. Guarded by hub.mu
	next *frame    // newest that was not taken; nil: none. Guarded by loop.mu

	size atomic.Uint32 // seats that are served: a ring. Written by the loop only

	// What follows is the loop's own.

	frame *frame // being told
	refs  uint32 // seats that name the project, served or not
	at    uint32 // the seat of the ring to visit next; 0: there is none
	left  uint32 // how many seats, from there on, are still to be visited
}

// seat is one project of one parked stream.
type seat struct {
	told     packed
	stream   uint32
	sibling  uint32 // the next one of the same stream; 0: the last
	audience uint32 // index in loop.audiences

	before, after uint32 // in the ring of the audience, if it is served
}

// offer leaves a frame for the audience, in place of an older one. For the hub.
func (a *audience) offer(f *frame) {
	l := a.loop
	l.mu.Lock()
	if a.next == nil {
		l.offered = append(l.offered, a)
	}
	a.next = f
	l.wakeLocked()
	l.mu.Unlock()
}

// pass begins to tell f. Who was not told the frame before it yet is told this one only.
func (a *audience) pass(f *frame) {
	a.frame, a.left = f, a.size.Load()
}

// following is the next seat to visit.
func (a *audience) following(seats *slab[seat]) *seat {
	s := seats.at(a.at)
	a.at = s.after
	a.left--
	return s
}

// take makes a seat hear of the project. It comes last, behind those that were visited already: the caller brings it
// up to date.
func (a *audience) take(id uint32, s *seat, seats *slab[seat]) {
	a.size.Add(1)
	if a.at == 0 {
		a.at, s.before, s.after = id, id, id
		return
	}
	first := seats.at(a.at)
	s.before, s.after = first.before, a.at
	seats.at(first.before).after = id
	first.before = id
}

// give undoes take. Whether s was still to be visited is not known, so another one may be visited twice; it is not
// told twice.
func (a *audience) give(id uint32, s *seat, seats *slab[seat]) {
	size := a.size.Add(^uint32(0))
	a.left = min(a.left, size)
	if size == 0 {
		a.at = 0
		return
	}
	seats.at(s.before).after = s.after
	seats.at(s.after).before = s.before
	if a.at == id {
		a.at = s.after
	}
}
