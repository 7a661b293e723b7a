package loop

import (
	"time"

	"nudge/gateway/stream"
)

// Arrival is a stream on its way to a loop: 128 bytes, the most that Go copies into a func instead of allocating it beside.
type Arrival struct {
	Number   uint32 // greater than that of every stream that arrived before it, at any loop
	State    stream.State
	Ticket   Ticket
	FD       int32 // socket of a parked stream; 0: the stream has a line of its own
	Projects []stream.Subscription
	Judged   *stream.Rules // that decided the access to Projects
	Caller   string        // who the first hello says that the caller is; "": nothing

	Head []byte // of the response: sent before anything else
	// Line makes the line of a stream without a socket. The line reports its events by calling the func.
	Line func(Tag, func(Event)) Line
}

// Add gives a stream to the loop. Any goroutine may call it. False: the loop has ended, and the caller keeps the stream.
func (l *Loop) Add(a Arrival) bool {
	return l.Post(func(time.Time) { l.coming = append(l.coming, a) })
}

// acceptArrivals adds a slice of the arrived streams to the loop.
func (l *Loop) acceptArrivals(now time.Time) {
	n := min(len(l.coming), slice)
	for i := range l.coming[:n] {
		l.enter(&l.coming[i], now)
	}
	clear(l.coming[:n])
	l.coming = l.coming[n:]
	if len(l.coming) == 0 {
		l.coming = nil // gives back the memory of many arrivals
	}
}

func (l *Loop) enter(a *Arrival, now time.Time) {
	i, r := l.streams.add()
	*r = record{State: a.State, fd: a.FD, gen: a.Number, ticket: a.Ticket}
	r.Count(l.opt.Count(r.Owner))
	for n := len(a.Projects) - 1; n >= 0; n-- { // subscribe puts each at the head of the list
		l.subscribe(i, r, a.Projects[n].Project, a.Projects[n].Access)
	}
	if err := l.open(i, r, a); err != nil {
		l.opt.Log.Error("a stream could not be watched, and is closed; its browser comes back", "error", err,
			"fix", "raise fs.epoll.max_user_watches, or give the system more memory")
		l.end(i, r, stream.Gone)
		return
	}
	l.noteEnd(r.Ends())
	if a.Judged != l.opt.Rules() { // flag or revocations have changed meanwhile
		l.judge(i, r, true, now)
	}
	if l.goodbye != nil {
		l.decide(i, r, stream.Input{Event: stream.Dismissed}, nil, now)
	}
	if r.fd != 0 && r.Stage() == stream.Arriving {
		l.decide(i, r, stream.Input{Event: stream.Arrived, Listening: l.listening(r)}, nil, now)
	}
	if r.fd != 0 && r.Stage() == stream.Arriving {
		l.waits.add(Tag{i, r.gen}, now)
	}
}

// open makes the line of a stream, and watches its events.
func (l *Loop) open(i uint32, r *record, a *Arrival) error {
	tag := Tag{i, r.gen}
	if len(a.Head) > 0 || a.Caller != "" {
		l.keep(i, rest{first: a.Head, caller: a.Caller})
	}
	if r.fd == 0 {
		r.fd = -1
		l.lines[i] = a.Line(tag, func(e Event) { l.Post(func(now time.Time) { l.handle(e, now) }) })
		return nil
	}
	l.sockets++
	return l.poller.Add(r.fd, tag, OnSent)
}

// line returns the line of a stream.
func (l *Loop) line(i uint32, r *record) Line {
	if r.fd < 0 {
		return l.lines[i]
	}
	return l.poller.Line(r.fd, Tag{i, r.gen})
}

// listening reports whether the source listens for all served projects of a stream.
func (l *Loop) listening(r *record) bool {
	for id := r.subs; id != 0; id = l.subs.at(id).sibling {
		s := l.subs.at(id)
		if s.Access() != stream.Served {
			continue
		}
		if _, state := l.opt.Hub.At(l.shards.at(s.shard).project); !state.Listening {
			return false
		}
	}
	return true
}
