package loop

import (
	"time"

	"nudge/gateway/stream"
)

// sayGoodbye sends a goodbye as soon as the connection takes it.
func (l *Loop) sayGoodbye(i uint32, r *record) {
	goodbye := stream.Goodbye{Reason: r.Why()}
	if l.goodbye != nil && goodbye.Reason == stream.Drain {
		goodbye = *l.goodbye
	}
	l.sent.Goodbyes++
	if r.Behind() { // what is left of a frame comes first
		left := l.rest[i]
		left.then = stream.AppendGoodbye(nil, goodbye)
		l.keep(i, left)
		return
	}
	b := append(l.scratch[:0], l.rest[i].first...) // a head that was not sent yet
	l.drop(i)
	b = stream.AppendGoodbye(b, goodbye)
	l.scratch = b
	l.write(i, r, b, false, true)
	if r.fd != 0 && !r.Behind() {
		l.finish(i, r)
	}
}

// finish ends a stream whose goodbye was sent. The connection stays until the browser has closed it too.
func (l *Loop) finish(i uint32, r *record) {
	l.leave(r, r.Why())
	r.Finished()
	line := l.line(i, r)
	line.Finish()
	if err := line.Watch(OnSent); err != nil {
		l.free(i, r, r.Why())
		return
	}
	l.lingers.add(Tag{i, r.gen}, time.Now())
}

// end ends a stream without a word: nobody is there to hear it.
func (l *Loop) end(i uint32, r *record, why stream.Reason) {
	if r.Stage() == stream.Lingering { // it has ended already, for a reason of its own
		why = r.Why()
	} else {
		l.leave(r, why)
	}
	l.free(i, r, why)
}

// leave counts a stream as ended, and gives up all it has but its connection.
func (l *Loop) leave(r *record, why stream.Reason) {
	l.unsubscribeAll(r)
	l.cover(r, true)
	l.opt.Ended(r.ticket, r.fd > 0, why)
}

// free closes the connection and forgets the stream.
func (l *Loop) free(i uint32, r *record, why stream.Reason) {
	l.line(i, r).Close(why)
	l.drop(i)
	if r.fd > 0 {
		l.sockets--
		l.opt.Closed()
	} else {
		delete(l.lines, i)
	}
	l.streams.remove(i) // its fd is 0 then
}

// close cuts what is left.
func (l *Loop) close() {
	l.mu.Lock()
	l.closed = true
	p := l.poller
	l.coming = append(l.coming, l.arrivals...)
	l.arrivals = nil
	l.mu.Unlock()
	for i := range l.coming {
		l.refuse(&l.coming[i])
	}
	for i := uint32(1); i <= l.streams.high; i++ {
		if r := l.streams.at(i); r.fd != 0 {
			l.end(i, r, stream.Gone)
		}
	}
	l.mu.Lock()
	l.poller = nil
	l.mu.Unlock()
	if p != nil {
		p.Close()
	}
}

// refuse cuts a stream that arrived too late.
func (l *Loop) refuse(a *Arrival) {
	if a.FD != 0 && l.poller == nil { // there never was one: the process ends, and its sockets with it
		l.opt.Ended(a.Ticket, true, stream.Gone)
		return
	}
	i, r := l.streams.add()
	*r = record{State: a.State, fd: a.FD, ticket: a.Ticket}
	_ = l.open(i, r, &Arrival{FD: a.FD, Line: a.Line})
	l.end(i, r, stream.Gone)
}
