package stream

import (
	"time"

	"nudge/version"
)

// This file decides which projects the source listens for: those that are watched, as far as there is room, and those that
// were watched a short time ago.

// Watch counts one more stream of a loop that watches a project. first: the loop had none before. If the source already
// listens for as many projects as it may, the project waits until there is room, first come first served.
func (h *Hub) Watch(i version.Index, loop int, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if first {
		h.at(i).loops |= 1 << loop
	}
	h.watchLocked(i)
}

func (h *Hub) watchLocked(i version.Index) {
	t := h.at(i)
	t.watches++
	switch t.phase {
	case named:
		t.phase = waiting
		h.push(&h.waiting, i)
		h.fillLocked()
	case lingering:
		t.phase = listening
		h.unqueue(&h.lingering, i)
	case waiting, listening:
	}
}

// Unwatch undoes Watch. last: the loop has no other stream that watches the project, so it is offered nothing more of it.
func (h *Hub) Unwatch(i version.Index, loop int, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last {
		h.at(i).loops &^= 1 << loop
	}
	h.unwatchLocked(i)
}

func (h *Hub) unwatchLocked(i version.Index) {
	t := h.at(i)
	if t.watches--; t.watches > 0 {
		return
	}
	if t.phase == waiting { // the source does not know it
		t.phase = named
		h.unqueue(&h.waiting, i)
		return
	}
	t.phase, t.idle = lingering, uint32(time.Now().Unix())
	h.push(&h.lingering, i)
	h.fillLocked()
}

// Fill makes the source listen for the projects that wait, after the limit was raised.
func (h *Hub) Fill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fillLocked()
}

// fillLocked makes the source listen for waiting projects while there is room. If there is none, lingering projects are
// forgotten. The cost does not depend on the number of projects if none waits, or if there is no room.
func (h *Hub) fillLocked() {
	for most := h.opt.Projects(); h.waiting.head != 0; {
		if h.listening >= most {
			if h.lingering.head == 0 {
				return
			}
			h.forgetLocked(h.lingering.head)
			continue
		}
		i := h.waiting.head
		h.unqueue(&h.waiting, i)
		h.at(i).phase = listening
		h.listening++
		h.opt.Source.Watch(h.opt.Board.Project(i))
	}
}

// forgetLocked makes the source forget a lingering topic.
func (h *Hub) forgetLocked(i version.Index) {
	h.unqueue(&h.lingering, i)
	h.at(i).phase = named
	h.listening--
	h.opt.Source.Forget(h.opt.Board.Project(i))
	h.dropLocked(i)
}

// sweep forgets the projects that lingered long enough.
func (h *Hub) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := now.Add(-h.opt.Linger()).Unix()
	for i := h.lingering.head; i != 0 && int64(h.at(i).idle) <= last; i = h.lingering.head {
		h.forgetLocked(i)
	}
	h.fillLocked() // the limit may have changed
}
