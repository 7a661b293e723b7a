package loop

import (
	"bytes"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// deliver sends a slice of each project that has a frame, in turn.
func (l *Loop) deliver(now time.Time) {
	begun := l.written
	for n := len(l.sending); n > 0 && len(l.sending) > 0; n-- { // a shard may be removed meanwhile
		id := l.sending[0]
		l.sending = l.sending[1:]
		if f := l.frames[id]; f != nil && l.deliverSome(id, f, now) {
			l.sending = append(l.sending, id)
		}
		if l.written-begun >= 4*slice { // many small projects take as long as a large one
			break
		}
	}
	if len(l.sending) == 0 {
		l.sending, l.frames = nil, nil
	}
}

// deliverSome sends the frame to a slice of a project's subscriptions, and reports whether some are left.
func (l *Loop) deliverSome(id uint32, f *stream.Frame, now time.Time) (more bool) {
	s := l.shards.at(id)
	begun := l.written
	for n := 0; s.left > 0 && n < looks && l.written-begun < slice; n++ {
		l.deliverOne(s.next(&l.subs), f, now)
	}
	if s.left == 0 {
		delete(l.frames, id) // all were visited; later subscribers get hellos
	}
	return s.left > 0
}

func (l *Loop) deliverOne(sub *subscription, f *stream.Frame, now time.Time) {
	r := l.streams.at(sub.stream)
	in := stream.Input{Event: stream.Changed, Next: sub.Follow(f)}
	if r.Stage() == stream.Arriving {
		in.Listening = l.listening(r)
	}
	l.decide(sub.stream, r, in, func() []byte {
		sub.LastSent = sub.After(f)
		return f.Event(in.Next)
	}, now)
}

// beat sends a heartbeat.
func (l *Loop) beat(i uint32, r *record, now time.Time) {
	l.decide(i, r, stream.Input{Event: stream.Beat}, nil, now)
}

// sendSecond sends the event that follows the first hello.
func (l *Loop) sendSecond(i uint32, r *record, now time.Time) {
	l.decide(i, r, stream.Input{Event: stream.SecondDue}, nil, now)
}

// followCadence sends the new cadence to a stream. The line's patience depends on it.
func (l *Loop) followCadence(i uint32, r *record, now time.Time) {
	l.line(i, r).SetPatience(stream.Patience(l.opt.Cadence().Every))
	l.decide(i, r, stream.Input{Event: stream.NewCadence}, nil, now)
}

func (l *Loop) followFlag(i uint32, r *record, now time.Time) { l.judge(i, r, true, now) }

func (l *Loop) followRevocations(i uint32, r *record, now time.Time) { l.judge(i, r, false, now) }

// judge decides the access to all projects of a stream again.
func (l *Loop) judge(i uint32, r *record, flag bool, now time.Time) {
	if r.fd == 0 || r.Stage() >= stream.Closing {
		return
	}
	j := stream.Judge(l.opt.Rules(), r.Owner, flag)
	for id := r.subs; id != 0; {
		sub := l.subs.at(id)
		l.setAccess(id, sub, j.Project(l.project(sub), sub.Access()))
		id = sub.sibling
	}
	in := stream.Input{Event: stream.Judged, Outcome: j.Outcome()}
	if r.Stage() == stream.Arriving {
		in.Listening = l.listening(r)
	}
	l.decide(i, r, in, nil, now)
}

// project returns the project of a subscription.
func (l *Loop) project(sub *subscription) version.Project {
	p, _ := l.opt.Hub.At(l.shards.at(sub.shard).project)
	return p
}

// greetNow sends the first hello even if projects are still waiting.
func (l *Loop) greetNow(i uint32, r *record, now time.Time) {
	if r.Stage() == stream.Arriving {
		l.decide(i, r, stream.Input{Event: stream.WaitedEnough}, nil, now)
	}
}

// endIfDue ends a stream whose token or age is over.
func (l *Loop) endIfDue(i uint32, r *record, now time.Time) {
	l.decide(i, r, stream.Input{Event: stream.Due, Now: uint32(now.Unix())}, nil, now)
	if r.fd != 0 && r.Stage() < stream.Closing {
		l.remember(r.Ends())
	}
}

// dismiss sends the goodbye of a gateway that is leaving.
func (l *Loop) dismiss(i uint32, r *record, now time.Time) {
	l.decide(i, r, stream.Input{Event: stream.Dismissed}, nil, now)
}

// decide applies the rules of a stream to an event, and sends what they say. advance returns the event of a change, and notes
// it as sent. The stream may have ended when decide returns.
func (l *Loop) decide(i uint32, r *record, in stream.Input, advance func() []byte, now time.Time) {
	if r.fd == 0 { // the stream has ended meanwhile
		return
	}
	state, action := r.Decide(in)
	r.State = state
	switch action {
	case stream.Nothing:
	case stream.Advance:
		l.sent.Versions++
		l.write(i, r, advance(), true, false)
	case stream.Heartbeat:
		l.sent.Heartbeats++
		l.write(i, r, l.opt.Cadence().Heartbeat, true, false)
	case stream.Hello:
		l.scratch = l.appendHello(l.scratch[:0], i, r, now)
		l.write(i, r, l.scratch, false, false)
	case stream.Greet:
		l.greet(i, r, now)
	case stream.Close:
		l.sayGoodbye(i, r)
	}
}

// greet begins a stream: it sends the head of the response, the retry field, the first hello and the padding.
func (l *Loop) greet(i uint32, r *record, now time.Time) {
	b := append(l.scratch[:0], l.rest[i].first...)
	l.drop(i)
	b = stream.AppendRetry(b, stream.RetryTime())
	b = stream.AppendPadding(l.appendHello(b, i, r, now))
	l.scratch = b
	l.seconds.add(Tag{i, r.gen}, now)
	l.write(i, r, b, false, true)
}

// appendHello appends a hello with the newest state of all projects, and notes them as sent.
func (l *Loop) appendHello(b []byte, i uint32, r *record, now time.Time) []byte {
	l.hello.Begin()
	for id := r.subs; id != 0; id = l.subs.at(id).sibling {
		sub := l.subs.at(id)
		project, state := l.opt.Hub.At(l.shards.at(sub.shard).project)
		if sub.Access() == stream.Served {
			sub.LastSent = sub.LastSent.Sent(state)
		}
		l.hello.Project(project, sub.LastSent)
	}
	l.sent.Hellos++
	l.cover(r, l.hello.Covers())
	var spread time.Duration
	if l.hello.Asks() {
		spread = l.opt.HelloSpread(now)
	}
	return l.hello.Append(b, l.opt.Cadence(), spread, r.Left(now))
}

// cover counts the streams whose newest hello leaves out a project.
func (l *Loop) cover(r *record, covers bool) {
	switch {
	case covers && r.Uncovered():
		l.opt.Uncovered(-1)
	case !covers && !r.Uncovered():
		l.opt.Uncovered(1)
	}
	r.Covered(covers)
}

// rest is what a stream that is behind must be sent next: the rest of an event, and then perhaps a goodbye. first may share its
// bytes with other streams: do not change them.
type rest struct{ first, then []byte }

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
		r.FellBehind(n == 0 && !whole)
		if n > 0 || whole {
			if b = b[n:]; !shared {
				b = bytes.Clone(b)
			}
			l.keep(i, rest{first: b})
		}
		if err := line.Watch(l.interest(r)); err != nil {
			l.end(i, r, stream.Gone)
		}
	}
}

// interest returns the events that the loop needs of a stream's line now.
func (l *Loop) interest(r *record) (i Interest) {
	if r.Stage() != stream.Closing { // a closing stream ignores what the browser sends
		i |= OnSent
	}
	if r.Behind() {
		i |= OnWritable
	}
	return i
}

// happen handles an event of a line.
func (l *Loop) happen(e Event, now time.Time) {
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
			if err := l.line(e.Index, r).Watch(l.interest(r)); err != nil {
				l.end(e.Index, r, stream.Gone)
			}
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
		if err := l.line(i, r).Watch(l.interest(r)); err != nil {
			l.end(i, r, stream.Gone)
		}
	}
}

// reasonOf returns the reason for a stream whose line failed with err, which may be nil.
func reasonOf(line Line, err error) stream.Reason {
	if line.Stuck(err) {
		return stream.Stuck
	}
	return stream.Gone
}
