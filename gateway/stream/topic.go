package stream

import (
	"nudge/fallback"
	"nudge/version"
)

// Watcher is told of the changes of one project. There are two: a shard, which is all streams of one loop that watch the
// project, and a [Poll]. Both embed a [Link].
type Watcher interface {
	// Offer leaves a frame, in place of an older one that was not taken. It must not block: the hub is locked.
	Offer(*Frame)
	// Size is how many streams and held polls are told.
	Size() int
}

// Link ties a [Watcher] to its topic. It belongs to the hub; the zero Link is tied to none.
type Link struct {
	watcher    Watcher
	topic      *topic
	prev, next *Link // others of the same topic
}

// topic is a project that somebody watches, or that lingers after its last use.
type topic struct {
	project  version.Project
	watchers *Link // first of a list; nil: nobody
	queue    *queue
	prev     *topic // neighbours in queue
	next     *topic
	idle     int64           // of a lingering topic: Unix second of its last use
	window   fallback.Window // of its last spread
}

func (t *topic) size() (n int) {
	for l := t.watchers; l != nil; l = l.next {
		n += l.watcher.Size()
	}
	return n
}

func (t *topic) add(l *Link, w Watcher) {
	*l = Link{watcher: w, topic: t, next: t.watchers}
	if t.watchers != nil {
		t.watchers.prev = l
	}
	t.watchers = l
}

func (t *topic) remove(l *Link) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		t.watchers = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	}
	*l = Link{}
}

// queue is a list of topics, the one that came first at its head. A topic is in one queue at most.
type queue struct{ head, tail *topic }

func (q *queue) push(t *topic) {
	t.queue, t.prev, t.next = q, q.tail, nil
	if q.tail != nil {
		q.tail.next = t
	} else {
		q.head = t
	}
	q.tail = t
}

func (q *queue) remove(t *topic) {
	if t.queue != q {
		return
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		q.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		q.tail = t.prev
	}
	t.queue, t.prev, t.next = nil, nil, nil
}
