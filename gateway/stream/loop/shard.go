package loop

import (
	"nudge/gateway/stream"
	"nudge/version"
)

// shard is one project as the streams of one loop know it. The loop sends its frame to the subscriptions in its ring, a
// slice at a time.
type shard struct {
	project version.Index
	names   uint32 // subscriptions that name the project, served or not
	size    uint32 // of them in the ring: those that are served
	at      uint32 // the subscription of the ring to visit next; 0: there is none
	left    uint32 // how many, from there on, are still to be visited
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
func (l *Loop) Offer(i version.Index, f *stream.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.offered.put(i, f)
	l.wakeLocked()
}

// offers are the newest frames of projects, those that changed first before the others.
type offers struct {
	all []offer
	at  map[version.Index]int // in all
}

type offer struct {
	project version.Index
	frame   *stream.Frame // nil: dropped
}

func (o *offers) put(i version.Index, f *stream.Frame) {
	if at, ok := o.at[i]; ok {
		o.all[at].frame = f
		return
	}
	if o.at == nil {
		o.at = map[version.Index]int{}
	}
	o.at[i] = len(o.all)
	o.all = append(o.all, offer{i, f})
}

func (o *offers) drop(i version.Index) {
	if at, ok := o.at[i]; ok {
		o.all[at].frame = nil
		delete(o.at, i)
	}
}

// begin makes a frame be sent to a shard. A subscription that was not visited yet for the frame before is sent this one
// only.
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
	}
	s.left = s.size
	if l.frames == nil {
		l.frames = map[uint32]*stream.Frame{}
	}
	l.frames[id] = f
}

// next is the next subscription to visit.
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

// watch puts a subscription into the ring of its project, at its end. The caller brings it up to date.
func (l *Loop) watch(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	s.size++
	l.opt.Hub.Watch(s.project, l.number, s.size == 1)
	if s.size == 1 {
		s.at, sub.before, sub.after = id, id, id
		return
	}
	first := l.subs.at(s.at)
	sub.before, sub.after = first.before, s.at
	l.subs.at(first.before).after = id
	first.before = id
}

// unwatch undoes watch. It is not known whether sub was still to be visited, so another one may be visited twice; it is
// not sent anything twice.
func (l *Loop) unwatch(id uint32, sub *subscription) {
	s := l.shards.at(sub.shard)
	s.size--
	s.left = min(s.left, s.size)
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

// setAccess follows a new access to the project of a subscription.
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

// unsubscribeAll gives up all projects of a stream.
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

// forget drops a shard that no stream names any more. It may still be among those that are being sent, but nothing is left
// of it to visit. What was offered for it goes before its index may belong to another project.
func (l *Loop) forget(id uint32, s *shard) {
	l.mu.Lock()
	l.offered.drop(s.project)
	l.mu.Unlock()
	delete(l.frames, id)
	delete(l.shardOf, s.project)
	l.opt.Hub.Close(s.project)
	l.shards.remove(id)
}
