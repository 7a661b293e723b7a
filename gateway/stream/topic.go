package stream

import "nudge/version"

// topic is a project that some stream or poll names. There may be hundreds of thousands, so it holds no pointer. Topics lie in
// chunks, by the project's index.
type topic struct {
	loops   uint64 // a bit for each loop with streams that watch it
	watches uint32 // streams and held polls that watch it
	names   uint32 // calls of Open that Close has not undone
	prev    version.Index
	next    version.Index // neighbours in a queue
	idle    uint32        // of a lingering topic: Unix second of its last use
	now     uint32        // advances while it was watched, in this half hour
	before  uint32        // and in the one before
	phase   phase
}

// phase is whether a topic is watched, and whether the source listens for it.
type phase uint8

const (
	named     phase = iota // nobody watches it, the source does not listen
	waiting                // somebody watches it, but there is no room for one more
	listening              // somebody watches it, the source listens
	lingering              // nobody watches it any more, the source still listens
)

const topicsAtOnce = 256

func (h *Hub) at(i version.Index) *topic { return &h.topics[i/topicsAtOnce][i%topicsAtOnce] }

// queue is a linked list of topics, the oldest one at its head. A topic is in one queue at most.
type queue struct{ head, tail version.Index }

func (h *Hub) push(q *queue, i version.Index) {
	h.at(i).prev, h.at(i).next = q.tail, 0
	if q.tail != 0 {
		h.at(q.tail).next = i
	} else {
		q.head = i
	}
	q.tail = i
}

func (h *Hub) unqueue(q *queue, i version.Index) {
	t := h.at(i)
	if t.prev != 0 {
		h.at(t.prev).next = t.next
	} else {
		q.head = t.next
	}
	if t.next != 0 {
		h.at(t.next).prev = t.prev
	} else {
		q.tail = t.prev
	}
	t.prev, t.next = 0, 0
}
