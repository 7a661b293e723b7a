package loop

import (
	"slices"
	"sync/atomic"

	"nudge/gateway/stream"
	"nudge/version"
)

// shard is one project as the streams of one loop know it. The hub offers it frames. The loop tells them to the
// subscriptions in its ring, a slice at a time.
type shard struct {
	stream.Link
	loop    *Loop
	project version.Project
	offered *stream.Frame // newest that was not taken; nil: none. Guarded by Loop.mu
	size    atomic.Uint32 // subscriptions in the ring: those that are served. The loop alone writes it

	// What follows is the loop's own.

	frame *stream.Frame // being sent
	refs  uint32        // subscriptions that name the project, served or not
	at    uint32        // the subscription of the ring to visit next; 0: there is none
	left  uint32        // how many, from there on, are still to be visited
}

// subscription is one project of one stream.
type subscription struct {
	stream.LastSent
	stream  uint32
	sibling uint32 // the next one of the same stream; 0: this is the last
	shard   uint32
	before  uint32 // neighbours in the ring of the shard, if it is served
	after   uint32
}

// Offer implements [stream.Watcher].
func (s *shard) Offer(f *stream.Frame) {
	l := s.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.offered == nil {
		l.offered = append(l.offered, s)
	}
	s.offered = f
	l.wakeLocked()
}

// Size implements [stream.Watcher].
func (s *shard) Size() int { return int(s.size.Load()) }

// next is the next subscription to visit.
func (s *shard) next(all *slab[subscription]) *subscription {
	sub := all.at(s.at)
	s.at = sub.after
	s.left--
	return sub
}

// subscribe adds one project to a stream.
func (l *Loop) subscribe(i uint32, r *record, p version.Project, a stream.Access) {
	at, known := l.byProject[p]
	if !known {
		var s *shard
		at, s = l.shards.add()
		s.loop, s.project = l, p.Clone()
		l.byProject[s.project] = at
	}
	l.shards.at(at).refs++
	id, sub := l.subs.add()
	*sub = subscription{LastSent: stream.NewLastSent(a), stream: i, sibling: r.subs, shard: at}
	r.subs = id
	if a == stream.Served {
		l.listen(id, sub)
	}
}

// listen puts a subscription into the ring of its project, at its end. The caller brings it up to date.
func (l *Loop) listen(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	if s.size.Add(1) == 1 {
		s.at, sub.before, sub.after = id, id, id
		l.opt.Hub.Attach(&s.Link, s, s.project)
		return
	}
	first := l.subs.at(s.at)
	sub.before, sub.after = first.before, s.at
	l.subs.at(first.before).after = id
	first.before = id
}

// unlisten undoes listen. It is not known whether sub was still to be visited, so another one may be visited twice; it is
// not sent anything twice.
func (l *Loop) unlisten(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	size := s.size.Add(^uint32(0))
	s.left = min(s.left, size)
	if size == 0 {
		s.at = 0
		l.opt.Hub.Detach(&s.Link)
		return
	}
	l.subs.at(sub.before).after = sub.after
	l.subs.at(sub.after).before = sub.before
	if s.at == id {
		s.at = sub.after
	}
}

// setAccess follows a new access to the project of a subscription.
func (l *Loop) setAccess(id uint32, sub *subscription, a stream.Access) {
	before := sub.Access()
	sub.LastSent = sub.WithAccess(a)
	switch {
	case before == a:
	case a == stream.Served:
		l.listen(id, sub)
	case before == stream.Served:
		l.unlisten(id, sub)
	}
}

// unsubscribeAll gives up all projects of a stream.
func (l *Loop) unsubscribeAll(r *record) {
	for r.subs != 0 {
		id := r.subs
		sub := l.subs.at(id)
		if sub.Access() == stream.Served {
			l.unlisten(id, sub)
		}
		if s := l.shards.at(sub.shard); s.refs > 1 {
			s.refs--
		} else {
			l.forget(sub.shard, s)
		}
		r.subs = sub.sibling
		l.subs.remove(id)
	}
}

// forget drops a shard that no stream names any more.
func (l *Loop) forget(at uint32, s *shard) {
	is := func(other *shard) bool { return other == s }
	l.mu.Lock()
	l.offered = slices.DeleteFunc(l.offered, is)
	l.mu.Unlock()
	l.sending = slices.DeleteFunc(l.sending, is)
	delete(l.byProject, s.project)
	l.shards.remove(at)
}
