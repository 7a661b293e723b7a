package loop

import (
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
	for n := 0; s.left > 0 && n < mostVisits && l.written-begun < slice; n++ {
		l.deliverOne(s.next(&l.subs), f, now)
	}
	if s.left == 0 {
		if f.Advance {
			l.opt.Flushed(time.Since(f.Made))
		}
		delete(l.frames, id) // all were visited; later subscribers get hellos
		if f.Delivered != nil {
			f.Delivered()
		}
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

// on returns what applies an event to a stream.
func (l *Loop) on(e stream.Event) func(uint32, *record, time.Time) {
	return func(i uint32, r *record, now time.Time) { l.decide(i, r, stream.Input{Event: e}, nil, now) }
}

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

// endIfDue ends a stream whose token or age is over.
func (l *Loop) endIfDue(i uint32, r *record, now time.Time) {
	l.decide(i, r, stream.Input{Event: stream.Due, Now: uint32(now.Unix())}, nil, now)
	if r.fd != 0 && r.Stage() < stream.Closing {
		l.noteEnd(r.Ends())
	}
}

// decide applies the rules of a stream to an event, and sends what they say. advance returns the event of a change, and notes
// it as sent. The stream may have ended when decide returns.
func (l *Loop) decide(i uint32, r *record, in stream.Input, advance func() []byte, now time.Time) {
	if r.fd == 0 { // the stream has ended meanwhile
		return
	}
	state, action := r.Decide(in)
	if r.Behind() && !state.Behind() {
		l.sent.Behind--
	}
	r.State = state
	switch action {
	case stream.Nothing:
	case stream.Advance:
		l.sent.Versions++
		l.write(i, r, advance(), true, false)
	case stream.Heartbeat:
		l.sent.Heartbeats++
		l.write(i, r, l.opt.Heartbeat().Bytes(), true, false)
	case stream.Hello:
		l.scratch = l.appendHello(l.scratch[:0], r, "", now)
		l.write(i, r, l.scratch, false, false)
	case stream.Flush:
		l.write(i, r, stream.Comment(), true, false)
	case stream.Greet:
		l.greet(i, r, now)
	case stream.Close:
		l.sayGoodbye(i, r)
	}
}

// greet begins a stream: it sends the head of the response, the retry field, the first hello and the padding.
func (l *Loop) greet(i uint32, r *record, now time.Time) {
	first := l.rest[i]
	b := append(l.scratch[:0], first.first...)
	l.drop(i)
	b = stream.AppendRetry(b, stream.RetryTime())
	b = stream.AppendPadding(l.appendHello(b, r, first.caller, now))
	l.scratch = b
	if r.fd > 0 { // other streams are chunked or HTTP/2: no proxy holds those
		l.flushes.add(Tag{i, r.gen}, now)
	}
	l.seconds.add(Tag{i, r.gen}, now)
	l.write(i, r, b, false, true)
}

// appendHello appends a hello with the newest state of all projects, and notes them as sent.
func (l *Loop) appendHello(b []byte, r *record, caller string, now time.Time) []byte {
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
		spread = l.opt.HelloSpread(r.Owner, now)
	}
	return l.hello.Append(b, l.opt.Heartbeat(), spread, r.Left(now), caller)
}

// cover counts the streams whose newest hello leaves out a project.
func (l *Loop) cover(r *record, covers bool) {
	switch {
	case !r.Counts():
	case covers && r.Uncovered():
		l.opt.Uncovered(-1)
	case !covers && !r.Uncovered():
		l.opt.Uncovered(1)
	}
	r.Covered(covers)
}

// beat sends a heartbeat. An extra stream counts from then on, if another one of its caller has ended.
func (l *Loop) beat(i uint32, r *record, now time.Time) {
	if r.Stage() < stream.Closing && !r.Counts() && l.opt.Count(r.Owner) {
		r.Count(true)
		for id := r.subs; id != 0; id = l.subs.at(id).sibling {
			if sub := l.subs.at(id); sub.Access() == stream.Served {
				l.opt.Hub.Extra(l.shards.at(sub.shard).project, l.opt.CallerOf(r.Owner), -1)
			}
		}
		if r.Uncovered() {
			l.opt.Uncovered(1)
		}
	}
	l.decide(i, r, stream.Input{Event: stream.Beat}, nil, now)
}
