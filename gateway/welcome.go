package gateway

import (
	"slices"
	"time"

	"nudge/version"
)

// This file holds what becomes of a parked stream until it ends. All of it runs on the loop.

// welcome takes a slice of the arrivals in.
func (l *loop) welcome(now time.Time) {
	n := min(len(l.coming), slice)
	for i := range l.coming[:n] {
		l.enter(&l.coming[i], now)
	}
	clear(l.coming[:n])
	l.coming = l.coming[n:]
	if len(l.coming) == 0 {
		l.coming = nil // a storm's worth of it is not kept
	}
}

func (l *loop) enter(a *arrival, now time.Time) {
	i, p := l.streams.add()
	l.gen++
	*p = a.parked
	p.gen = l.gen
	l.rest[i] = a.head                           // before anything else
	for _, s := range slices.Backward(a.slots) { // each goes before the others
		l.seat(i, p, s)
	}
	interests := writes
	if a.more {
		interests = 0 // it has been read already
	}
	if err := l.poller.add(p.fd, tag{i, p.gen}, interests); err != nil {
		l.g.log.Error("a stream could not be watched, and is cut; its browser comes back", "error", err)
		l.end(i, p, reasonGone)
		return
	}
	l.note(p.due)
	if a.judged != l.g.current.Load() { // the flag may have changed meanwhile, or the token have been revoked
		l.reconsider(i, p, now)
		l.revoke(i, p, now)
	}
	switch {
	case p.fd == 0 || p.stage != arriving: // that left it nothing
	case l.last != nil:
		l.dismiss(i, p, now)
	case l.listening(p):
		l.greet(i, p, now)
	default:
		l.greetings.add(i, p, now)
	}
	if a.more && p.fd != 0 {
		l.bye(i, p, goodbye{Reason: reasonRotate})
	}
}

// seat adds one project to a stream.
func (l *loop) seat(i uint32, p *parked, slot slot) {
	at, known := l.byProject[slot.project]
	if !known {
		var a *audience
		at, a = l.audiences.add()
		a.loop, a.project = l, l.g.hub.own(slot.project)
		l.byProject[a.project] = at
	}
	id, s := l.seats.add()
	*s = seat{stream: i, sibling: p.seats, audience: at, told: pack(told{}, slot.standing)}
	p.seats = id
	l.audiences.at(at).refs++
	if s.told.standing() == served {
		l.take(id, s)
	}
}

func (l *loop) take(id uint32, s *seat) {
	a := l.audiences.at(s.audience)
	a.take(id, s, &l.seats)
	if a.size.Load() == 1 {
		l.g.hub.attach(a)
	}
}

func (l *loop) give(id uint32, s *seat) {
	a := l.audiences.at(s.audience)
	a.give(id, s, &l.seats)
	if a.size.Load() == 0 {
		l.g.hub.detach(a)
	}
}

// unseat gives up all projects of a stream.
func (l *loop) unseat(p *parked) {
	for p.seats != 0 {
		id := p.seats
		s := l.seats.at(id)
		if s.told.standing() == served {
			l.give(id, s)
		}
		a := l.audiences.at(s.audience)
		if a.refs--; a.refs == 0 {
			delete(l.byProject, a.project)
			l.forget(a)
			l.audiences.remove(s.audience)
		}
		p.seats = s.sibling
		l.seats.remove(id)
	}
}

// forget takes an audience that nobody is in out of where it may still be.
func (l *loop) forget(a *audience) {
	l.mu.Lock()
	l.offered = slices.DeleteFunc(l.offered, func(o *audience) bool { return o == a })
	l.mu.Unlock()
	l.passes = slices.DeleteFunc(l.passes, func(o *audience) bool { return o == a })
}

// listening tells whether all served projects are listened for.
func (l *loop) listening(p *parked) bool {
	for id := p.seats; id != 0; id = l.seats.at(id).sibling {
		s := l.seats.at(id)
		if s.told.standing() == served && !l.g.board.State(l.audiences.at(s.audience).project).Listening {
			return false
		}
	}
	return true
}

// recount keeps count of whether all projects of a stream are served, by its newest hello.
func (l *loop) recount(i uint32, covers bool) {
	_, left := l.uncovered[i]
	l.g.recount(!left, covers)
	if covers {
		delete(l.uncovered, i)
	} else {
		l.uncovered[i] = struct{}{}
	}
}

// greet begins the stream.
func (l *loop) greet(i uint32, p *parked, now time.Time) {
	b := append(l.scratch[:0], l.rest[i]...)
	delete(l.rest, i)
	b = l.hello(appendRetry(b, retryTime()), i, p, now)
	b = append(b, padding...)
	l.settling.add(i, p, now)
	l.scratch = b
	l.write(i, p, b)
	if p.fd != 0 {
		p.stage = open
	}
}

// greetAgain says everything anew.
func (l *loop) greetAgain(i uint32, p *parked, now time.Time) {
	l.scratch = l.hello(l.scratch[:0], i, p, now)
	l.write(i, p, l.scratch)
}

func (l *loop) hello(b []byte, i uint32, p *parked, now time.Time) []byte {
	l.greeter.begin()
	for id := p.seats; id != 0; id = l.seats.at(id).sibling {
		s := l.seats.at(id)
		project := l.audiences.at(s.audience).project
		if s.told.standing() == served {
			s.told = pack(tell(l.g.board.State(project)), served)
		}
		l.greeter.project(project, s.told.standing(), s.told.told())
	}
	l.sent.hellos++
	l.recount(i, l.greeter.covers())
	return l.greeter.append(b, l.g.pace.Now(), l.greeter.spread(l.g.pace, now), p.left(now))
}

// keepDates does what is due for single streams.
func (l *loop) keepDates(now time.Time) {
	for e, p := l.pop(&l.greetings, now); p != nil; e, p = l.pop(&l.greetings, now) {
		if p.stage == arriving {
			l.greet(e.index, p, now)
		}
	}
	for e, p := l.pop(&l.settling, now); p != nil; e, p = l.pop(&l.settling, now) {
		l.beat(e.index, p, now)
	}
	for e, p := l.pop(&l.lingers, now); p != nil; e, p = l.pop(&l.lingers, now) {
		l.free(e.index, p)
	}
	if l.dues != 0 && uint32(now.Unix()) >= l.dues {
		l.dues = 0
		l.dates.begin(now)
	}
}

// keepDate ends a stream whose token or age is over.
func (l *loop) keepDate(i uint32, p *parked, now time.Time) {
	switch {
	case p.stage >= closing || p.due == 0:
	case p.due > uint32(now.Unix()):
		l.note(p.due)
	default:
		l.bye(i, p, goodbye{Reason: reasons[p.why]})
	}
}

// note remembers when the first stream ends for its token or its age.
func (l *loop) note(due uint32) {
	if due != 0 && (l.dues == 0 || due < l.dues) {
		l.dues = due
	}
}

// pop is the next stream of an agenda that is due and still there; nil: none.
func (l *loop) pop(a *agenda, now time.Time) (entry, *parked) {
	for {
		e, ok := a.pop(now)
		if !ok {
			return e, nil
		}
		if p := l.find(e.tag); p != nil {
			return e, p
		}
	}
}

// find is the stream that a tag names; nil: it has gone.
func (l *loop) find(t tag) *parked {
	if t.index > l.streams.high {
		return nil
	}
	if p := l.streams.at(t.index); p.fd != 0 && p.gen == t.gen {
		return p
	}
	return nil
}

// reconsider decides the standings anew, since the flag changed.
func (l *loop) reconsider(i uint32, p *parked, now time.Time) {
	if p.stage >= closing {
		return
	}
	flag := l.g.current.Load().Flag
	changed, left := false, false
	for id := p.seats; id != 0; id = l.seats.at(id).sibling {
		s := l.seats.at(id)
		if s.told.standing() == denied {
			continue
		}
		allowed := flag.Allows(p.bucket, l.audiences.at(s.audience).project.String())
		left = left || allowed
		switch {
		case allowed && s.told.standing() == off:
			s.told = pack(s.told.told(), served)
			l.take(id, s)
			changed = true
		case !allowed && s.told.standing() == served:
			s.told = pack(s.told.told(), off)
			l.give(id, s)
			changed = true
		}
	}
	switch {
	case !left:
		l.bye(i, p, goodbye{Reason: reasonOff})
	case changed && p.stage == open && !p.misses():
		l.greetAgain(i, p, now)
	}
}

// revoke takes from a stream what was revoked.
func (l *loop) revoke(i uint32, p *parked, now time.Time) {
	if p.fd == 0 || p.stage >= closing {
		return
	}
	revoked := l.g.current.Load().revoked
	whole := revoked.MatchFingerprint(p.token, version.Project{})
	changed, left := false, false
	for id := p.seats; id != 0 && !whole; id = l.seats.at(id).sibling {
		s := l.seats.at(id)
		if s.told.standing() != denied && revoked.MatchFingerprint(p.token, l.audiences.at(s.audience).project) {
			if s.told.standing() == served {
				l.give(id, s)
			}
			s.told, changed = pack(s.told.told(), denied), true
		}
		left = left || s.told.standing() == served
	}
	switch {
	case whole || changed && !left:
		l.bye(i, p, goodbye{Reason: reasonRevoked})
	case changed && p.stage == open && !p.misses():
		l.greetAgain(i, p, now)
	}
}
