package loop

import (
	"time"

	"nudge/gateway/stream"
)

// sayGoodbye sends a goodbye, or keeps it until the connection takes it.
func (l *Loop) sayGoodbye(i uint32, r *record) {
	goodbye := stream.Goodbye{Reason: r.Why()}
	if l.goodbye != nil && goodbye.Reason == stream.Drain {
		goodbye = *l.goodbye
	}
	if goodbye.Reason == stream.Overload {
		goodbye.AfterMS, goodbye.SpreadMS = stream.ReplacedAfter.Milliseconds(), stream.ReplacedAfter.Milliseconds()
	}
	l.sent.Goodbyes++
	if r.Behind() { // the rest of an event comes first
		left := l.rest[i]
		left.then = stream.AppendGoodbye(nil, goodbye)
		l.keep(i, left)
		return
	}
	b := append(l.scratch[:0], l.rest[i].first...) // the head of the response, if it was not sent yet
	l.drop(i)
	b = stream.AppendGoodbye(b, goodbye)
	l.scratch = b
	l.write(i, r, b, false, true)
	if r.fd != 0 && !r.Behind() {
		l.finish(i, r)
	}
}

// finish ends a stream after its goodbye was sent. The connection stays open until the browser closes it, lingerMost at most.
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

// end ends a stream without a goodbye, because its browser cannot receive one.
func (l *Loop) end(i uint32, r *record, why stream.Reason) {
	if r.Stage() == stream.Lingering { // finish has ended it already, for another reason
		why = r.Why()
	} else {
		l.leave(r, why)
	}
	l.free(i, r, why)
}

// leave reports that a stream has ended, and unsubscribes it. The connection stays open.
func (l *Loop) leave(r *record, why stream.Reason) {
	l.unsubscribeAll(r)
	l.cover(r, true)
	if r.Counts() {
		l.opt.Left(r.Owner)
	}
	l.opt.Ended(r.ticket, r.gen, r.fd > 0, why)
}

// free closes the connection and forgets the stream.
func (l *Loop) free(i uint32, r *record, why stream.Reason) {
	l.line(i, r).Close(why)
	l.drop(i)
	if r.Behind() {
		l.sent.Behind--
	}
	if r.fd > 0 {
		l.sockets--
		l.opt.Closed()
	} else {
		delete(l.lines, i)
	}
	l.streams.remove(i) // its fd is 0 then
}

// close closes the remaining streams and the poller.
func (l *Loop) close() {
	l.mu.Lock()
	l.closed = true
	p := l.poller
	l.mu.Unlock()
	l.collect(time.Now()) // what Post has taken is done
	for i := range l.coming {
		l.refuse(&l.coming[i])
	}
	for i := uint32(1); i <= l.streams.high; i++ {
		if r := l.streams.at(i); r.fd != 0 {
			l.end(i, r, stream.Gone)
		}
	}
	l.count()
	l.mu.Lock()
	l.poller = nil
	l.mu.Unlock()
	if p != nil {
		p.Close()
	}
}

// refuse closes a stream that arrived after the loop has ended.
func (l *Loop) refuse(a *Arrival) {
	if a.FD != 0 && l.poller == nil { // the loop never had one: the process ends, and closes its sockets
		l.opt.Ended(a.Ticket, a.Number, true, stream.Gone)
		return
	}
	i, r := l.streams.add()
	*r = record{State: a.State, fd: a.FD, gen: a.Number, ticket: a.Ticket}
	_ = l.open(i, r, &Arrival{FD: a.FD, Line: a.Line})
	l.end(i, r, stream.Gone)
}
