package loop

import (
	"nudge/gateway/stream"
	"nudge/version"
)

// shard is one project within one loop. The served subscriptions of the project form a ring. The loop sends a frame to them, a
// slice at a time.
type shard struct {
	project version.Index
	names   uint32 // subscriptions of the project, served or not
	size    uint32 // subscriptions in the ring
	at      uint32 // subscription in the ring to visit next; 0: the ring is empty
	left    uint32 // how many, from there on, are still to visit
}

// subscription is one project of one stream.
type subscription struct {
	stream.LastSent
	stream  uint32
	sibling uint32 // the next one of the same stream; 0: this is the last
	shard   uint32
	before  uint32 // neighbours in the ring, if served
	after   uint32
}

// Offer implements [stream.Watcher].
func (l *Loop) Offer(i version.Index, f *stream.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.offered == nil {
		l.offered = map[version.Index]*stream.Frame{}
	}
	if l.offered[i] != nil {
		l.replaced++
	}
	l.offered[i] = f
	l.wakeLocked()
}

// begin begins to send a frame to a shard. A subscription that was not visited yet for the frame before gets only this one.
func (l *Loop) begin(project version.Index, f *stream.Frame) {
	id := l.shardOf[project]
	if id == 0 {
		return
	}
	s := l.shards.at(id)
	if s.size == 0 {
		return
	}
	if s.left == 0 {
		l.sending = append(l.sending, id)
	} else {
		l.sent.Conflated++
	}
	s.left = s.size
	if l.frames == nil {
		l.frames = map[uint32]*stream.Frame{}
	}
	l.frames[id] = f
}

// next returns the next subscription to visit.
func (s *shard) next(all *slab[subscription]) *subscription {
	sub := all.at(s.at)
	s.at = sub.after
	s.left--
	return sub
}

// subscribe adds one project to a stream.
func (l *Loop) subscribe(i uint32, r *record, p version.Project, a stream.Access) {
	project := l.opt.Hub.Open(p)
	at := l.shardOf[project]
	if at == 0 {
		var s *shard
		at, s = l.shards.add()
		s.project = project
		l.shardOf[project] = at
	} else {
		l.opt.Hub.Close(project) // the shard holds it open
	}
	l.shards.at(at).names++
	id, sub := l.subs.add()
	*sub = subscription{LastSent: stream.NewLastSent(a), stream: i, sibling: r.subs, shard: at}
	r.subs = id
	if a == stream.Served {
		l.watch(id, sub)
	}
}

// watch puts a subscription at the end of its ring. The caller must see that the stream gets a hello.
func (l *Loop) watch(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	s.size++
	l.opt.Hub.Watch(s.project, l.number, s.size == 1)
	if r := l.streams.at(sub.stream); !r.Counts() {
		l.opt.Hub.Extra(s.project, l.opt.CallerOf(r.Owner), 1)
	}
	if s.size == 1 {
		s.at, sub.before, sub.after = id, id, id
		return
	}
	first := l.subs.at(s.at)
	sub.before, sub.after = first.before, s.at
	l.subs.at(first.before).after = id
	first.before = id
}

// unwatch undoes watch. If sub was still to visit, another subscription is visited twice instead; Follow keeps it from getting
// anything twice.
func (l *Loop) unwatch(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	s.size--
	s.left = min(s.left, s.size)
	if r := l.streams.at(sub.stream); !r.Counts() {
		l.opt.Hub.Extra(s.project, l.opt.CallerOf(r.Owner), -1)
	}
	l.opt.Hub.Unwatch(s.project, l.number, s.size == 0)
	if s.size == 0 {
		s.at = 0
		return
	}
	l.subs.at(sub.before).after = sub.after
	l.subs.at(sub.after).before = sub.before
	if s.at == id {
		s.at = sub.after
	}
}

// setAccess sets the access of a subscription, and watches or unwatches its project.
func (l *Loop) setAccess(id uint32, sub *subscription, a stream.Access) {
	before := sub.Access()
	sub.LastSent = sub.WithAccess(a)
	switch {
	case before == a:
	case a == stream.Served:
		l.watch(id, sub)
	case before == stream.Served:
		l.unwatch(id, sub)
	}
}

// unsubscribeAll removes all subscriptions of a stream.
func (l *Loop) unsubscribeAll(r *record) {
	for r.subs != 0 {
		id := r.subs
		sub := l.subs.at(id)
		if sub.Access() == stream.Served {
			l.unwatch(id, sub)
		}
		if s := l.shards.at(sub.shard); s.names > 1 {
			s.names--
		} else {
			l.forget(sub.shard, s)
		}
		r.subs = sub.sibling
		l.subs.remove(id)
	}
}

// forget removes a shard without subscriptions. Its id may still be in sending, where it has nothing left to visit. Its offer
// is dropped first: once the project is closed, its index may belong to another one.
func (l *Loop) forget(id uint32, s *shard) {
	l.mu.Lock()
	delete(l.offered, s.project)
	l.mu.Unlock()
	delete(l.frames, id)
	delete(l.shardOf, s.project)
	l.opt.Hub.Close(s.project)
	l.shards.remove(id)
}
