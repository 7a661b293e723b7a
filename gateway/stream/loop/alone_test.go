package loop

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// alone carries streams as simply as the rules of package stream can be carried: a timer for everything, nothing shared
// between streams, one lock. What holds for it and not for a Loop is a bug of the Loop; what holds for neither is one of
// the rules.
type alone struct {
	opt    Options
	hello  *stream.HelloWriter
	number int // among the loops of the hub

	watchMu sync.Mutex // the hub is locked while it is taken
	watches map[version.Index][]*watch

	mu      sync.Mutex
	streams []*single
	goodbye *stream.Goodbye
	closed  bool
}

// single is one stream.
type single struct {
	stream.State
	all    *alone
	line   Line
	ticket Ticket
	watch  []*watch
	first  []byte // to be sent before anything else
	caller string
	then   []byte // and after that
	over   bool
}

// watch is one project of a stream.
type watch struct {
	stream.LastSent
	index   version.Index // while it is attached; else 0
	project version.Project
	stream  *single
	offered atomic.Pointer[stream.Frame]
}

func newAlone(opt Options) carrier {
	a := &alone{opt: opt, hello: stream.NewHelloWriter(opt.Node), watches: map[version.Index][]*watch{}}
	a.number = opt.Hub.Join(a)
	return a
}

func (a *alone) attach(w *watch) {
	w.index = a.opt.Hub.Open(w.project)
	a.watchMu.Lock()
	a.watches[w.index] = append(a.watches[w.index], w)
	first := len(a.watches[w.index]) == 1
	a.watchMu.Unlock()
	a.opt.Hub.Watch(w.index, a.number, first)
}

func (a *alone) detach(w *watch) {
	if w.index == 0 {
		return
	}
	a.watchMu.Lock()
	left := slices.DeleteFunc(a.watches[w.index], func(other *watch) bool { return other == w })
	if a.watches[w.index] = left; len(left) == 0 {
		delete(a.watches, w.index)
	}
	a.watchMu.Unlock()
	a.opt.Hub.Unwatch(w.index, a.number, len(left) == 0)
	a.opt.Hub.Close(w.index)
	w.index = 0
}

func (a *alone) Offer(i version.Index, f *stream.Frame) {
	a.watchMu.Lock()
	defer a.watchMu.Unlock()
	for _, w := range a.watches[i] {
		if w.offered.Swap(f) == nil {
			go a.locked(w.take)
		}
	}
}

func (a *alone) state(w *watch) version.State {
	_, s := a.opt.Hub.At(w.index)
	return s
}

func (a *alone) Run(ctx context.Context) error {
	<-ctx.Done()
	a.each(0, func(s *single) { s.end(stream.Gone) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return nil
}

func (a *alone) Add(arrival Arrival) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	s := &single{State: arrival.State, all: a, ticket: arrival.Ticket, first: arrival.Head, caller: arrival.Caller}
	a.streams = append(a.streams, s)
	s.line = arrival.Line(Tag{}, func(e Event) { a.locked(func() { s.happen(e) }) })
	for _, sub := range arrival.Projects {
		w := &watch{LastSent: stream.NewLastSent(sub.Access), project: sub.Project, stream: s}
		s.watch = append(s.watch, w)
		if sub.Access == stream.Served {
			a.attach(w)
		}
	}
	if arrival.Judged != a.opt.Rules() {
		s.judge(true)
	}
	if a.goodbye != nil {
		s.decide(stream.Input{Event: stream.Dismissed}, nil)
	}
	if s.Stage() == stream.Arriving {
		s.decide(stream.Input{Event: stream.Arrived}, nil)
	}
	s.after(stream.HelloMost, stream.Input{Event: stream.WaitedEnough})
	if s.Ends() != 0 {
		s.after(time.Until(time.Unix(int64(s.Ends()), 0)), stream.Input{Event: stream.Due, Now: s.Ends()})
	}
	return true
}

func (a *alone) CadenceChanged() {
	a.each(0, func(s *single) { s.decide(stream.Input{Event: stream.NewCadence}, nil) })
}
func (a *alone) FlagChanged(over time.Duration) { a.each(over, func(s *single) { s.judge(true) }) }
func (a *alone) TokensRevoked()                 { a.each(0, func(s *single) { s.judge(false) }) }

func (a *alone) Dismiss(g stream.Goodbye, over time.Duration) {
	a.locked(func() { a.goodbye = &g })
	a.each(over, func(s *single) { s.decide(stream.Input{Event: stream.Dismissed}, nil) })
}

// each does something to all streams, evenly over a time.
func (a *alone) each(over time.Duration, do func(*single)) {
	a.locked(func() {
		for i, s := range slices.Clone(a.streams) {
			if over == 0 {
				do(s)
				continue
			}
			time.AfterFunc(over*time.Duration(i+1)/time.Duration(len(a.streams)), func() { a.locked(func() { do(s) }) })
		}
	})
}

func (a *alone) locked(do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	do()
}

func (w *watch) take() {
	if f := w.offered.Swap(nil); f != nil && w.Access() == stream.Served {
		next := w.Follow(f)
		w.stream.decide(stream.Input{Event: stream.Changed, Next: next}, func() []byte {
			w.LastSent = w.After(f)
			return f.Event(next)
		})
	}
}

func (s *single) after(d time.Duration, in stream.Input) {
	time.AfterFunc(d, func() { s.all.locked(func() { s.decide(in, nil) }) })
}

func (s *single) beatAfter(d time.Duration) {
	time.AfterFunc(d, func() {
		s.all.locked(func() {
			s.decide(stream.Input{Event: stream.Beat}, nil)
			if !s.over {
				s.beatAfter(s.all.opt.Heartbeat().Every)
			}
		})
	})
}

func (s *single) judge(flag bool) {
	if s.over || s.Stage() >= stream.Closing {
		return
	}
	j := stream.Judge(s.all.opt.Rules(), s.Owner, flag)
	for _, w := range s.watch {
		before, after := w.Access(), j.Project(w.project, w.Access())
		w.LastSent = w.WithAccess(after)
		switch {
		case before == after:
		case after == stream.Served:
			s.all.attach(w)
		case before == stream.Served:
			s.all.detach(w)
		}
	}
	s.decide(stream.Input{Event: stream.Judged, Outcome: j.Outcome()}, nil)
}

func (s *single) decide(in stream.Input, advance func() []byte) {
	if s.over {
		return
	}
	in.Listening = !slices.ContainsFunc(s.watch, func(w *watch) bool {
		return w.Access() == stream.Served && !s.all.state(w).Listening
	})
	var action stream.Action
	switch s.State, action = s.Decide(in); action {
	case stream.Advance:
		s.write(advance(), false)
	case stream.Heartbeat:
		s.write(s.all.opt.Heartbeat().Bytes(), false)
	case stream.Hello:
		s.write(s.newest(nil, ""), false)
	case stream.Greet:
		head := s.first
		s.first = nil
		s.after(stream.SecondEvent, stream.Input{Event: stream.SecondDue})
		s.beatAfter(rand.N(s.all.opt.Heartbeat().Every))
		s.write(stream.AppendPadding(s.newest(stream.AppendRetry(head, stream.RetryTime()), s.caller)), true)
	case stream.Close:
		goodbye := stream.AppendGoodbye(nil, stream.Goodbye{Reason: s.Why()})
		if s.Behind() {
			s.then = goodbye
			return
		}
		head := s.first
		s.first = nil
		if s.write(append(head, goodbye...), true); !s.over && !s.Behind() {
			s.finish()
		}
	}
}

func (s *single) newest(b []byte, caller string) []byte {
	s.all.hello.Begin()
	for _, w := range s.watch {
		if w.Access() == stream.Served {
			w.LastSent = w.Sent(s.all.state(w))
		}
		s.all.hello.Project(w.project, w.LastSent)
	}
	s.cover(s.all.hello.Covers())
	return s.all.hello.Append(b, s.all.opt.Heartbeat(), 0, -1, caller)
}

func (s *single) cover(covers bool) {
	before := s.Uncovered()
	s.Covered(covers)
	if after := s.Uncovered(); after && !before {
		s.all.opt.Uncovered(1)
	} else if before && !after {
		s.all.opt.Uncovered(-1)
	}
}

func (s *single) write(b []byte, whole bool) {
	n, err := s.line.Send(b, false)
	switch {
	case err != nil:
		s.end(stream.Gone)
	case n < len(b):
		s.FellBehind(n == 0 && !whole)
		if n > 0 || whole {
			s.first = slices.Clone(b[n:])
		}
	}
}

func (s *single) happen(e Event) {
	switch {
	case s.over:
	case e.Gone:
		s.end(stream.Gone)
	case e.Sent:
		s.decide(stream.Input{Event: stream.Overran}, nil)
	case e.Writable && s.Behind() && s.Stage() < stream.Lingering:
		b := append(slices.Clone(s.first), s.then...)
		n, err := s.line.Send(b, false)
		s.first, s.then = b[n:], nil
		switch {
		case err != nil:
			s.end(stream.Gone)
		case n < len(b):
		case s.Stage() == stream.Closing:
			s.finish()
		default:
			s.decide(stream.Input{Event: stream.Writable}, nil)
		}
	}
}

// finish ends a stream whose goodbye was sent.
func (s *single) finish() {
	s.leave(s.Why())
	s.Finished()
	s.line.Finish()
	time.AfterFunc(lingerMost, func() {
		s.all.locked(func() {
			if !s.over {
				s.end(s.Why())
			}
		})
	})
}

func (s *single) end(why stream.Reason) {
	if s.Stage() != stream.Lingering {
		s.leave(why)
	} else {
		why = s.Why()
	}
	s.over = true
	s.all.streams = slices.DeleteFunc(s.all.streams, func(other *single) bool { return other == s })
	s.line.Close(why)
}

func (s *single) leave(why stream.Reason) {
	for _, w := range s.watch {
		s.all.detach(w)
	}
	s.cover(true)
	s.all.opt.Ended(s.ticket, 0, false, why)
}
