package loop

import (
	"bytes"
	"time"

	"nudge/gateway/stream"
)

// rest is what a stream that is behind must be sent next: the rest of an event, and then perhaps a goodbye. first may share its
// bytes with other streams: do not change them.
type rest struct {
	first, then []byte
	caller      string // for the first hello
}

// keep stores the rest of a stream.
func (l *Loop) keep(i uint32, r rest) {
	if l.rest == nil {
		l.rest = map[uint32]rest{}
	}
	l.rest[i] = r
}

func (l *Loop) drop(i uint32) {
	delete(l.rest, i)
	if len(l.rest) == 0 {
		l.rest = nil // a map does not shrink
	}
}

// write sends b. If the connection does not take all of it, the stream is behind: it gets nothing more until the rest is sent,
// and then a hello if it missed something. shared: nobody changes b any more, so the rest need not be copied. whole: b must be
// sent later even if the connection took nothing of it; else it is dropped then.
func (l *Loop) write(i uint32, r *record, b []byte, shared, whole bool) {
	l.written++
	line := l.line(i, r)
	n, err := line.Send(b, shared)
	switch {
	case err != nil:
		l.end(i, r, reasonOf(line, err))
	case n < len(b):
		if !r.Behind() {
			l.sent.Behind++
		}
		r.FellBehind(n == 0 && !whole)
		if n > 0 || whole {
			if b = b[n:]; !shared {
				b = bytes.Clone(b)
			}
			l.keep(i, rest{first: b})
		}
		l.watchLine(i, r)
	}
}

// watchLine watches the events that the loop needs of a stream's line now. If that fails, the stream ends.
func (l *Loop) watchLine(i uint32, r *record) {
	var events Interest
	if r.Stage() != stream.Closing { // a closing stream ignores what the browser sends
		events |= OnSent
	}
	if r.Behind() {
		events |= OnWritable
	}
	if err := l.line(i, r).Watch(events); err != nil {
		l.end(i, r, stream.Gone)
	}
}

// handle handles an event of a line.
func (l *Loop) handle(e Event, now time.Time) {
	r := l.find(e.Tag)
	if r == nil {
		return
	}
	switch {
	case e.Gone:
		l.end(e.Index, r, reasonOf(l.line(e.Index, r), nil))
	case e.Sent && r.Stage() == stream.Lingering:
		if !l.line(e.Index, r).Discard() {
			l.free(e.Index, r, r.Why())
		}
	case e.Sent:
		// A stream cannot answer a second request. The browser repeats it on another connection.
		l.decide(e.Index, r, stream.Input{Event: stream.Overran}, nil, now)
		if r = l.find(e.Tag); r != nil && r.Stage() == stream.Closing {
			l.watchLine(e.Index, r)
		}
	case e.Writable:
		l.catchUp(e.Index, r, now)
	}
}

// catchUp sends the rest to a stream that is behind.
func (l *Loop) catchUp(i uint32, r *record, now time.Time) {
	line := l.line(i, r)
	left := l.rest[i]
	for _, part := range []*[]byte{&left.first, &left.then} {
		n, err := line.Send(*part, true)
		if err != nil {
			l.end(i, r, reasonOf(line, err))
			return
		}
		if *part = (*part)[n:]; len(*part) > 0 {
			l.keep(i, left)
			return
		}
	}
	l.drop(i)
	if r.Stage() == stream.Closing {
		l.finish(i, r)
		return
	}
	tag := Tag{i, r.gen}
	l.decide(i, r, stream.Input{Event: stream.Writable}, nil, now)
	if r = l.find(tag); r != nil && !r.Behind() && r.Stage() == stream.Open {
		l.watchLine(i, r)
	}
}

// reasonOf returns the reason for a stream whose line failed with err, which may be nil.
func reasonOf(line Line, err error) stream.Reason {
	if line.Stuck(err) {
		return stream.Stuck
	}
	return stream.Gone
}
