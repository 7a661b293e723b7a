package gateway

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"nudge/gateway/limits"
	"nudge/version"
)

const (
	// slice is how many writes the loop does for one purpose before it looks at everything else: some hundred
	// microseconds. So a project with 20,000 watchers never delays one with three. To look costs as much as half a write.
	slice = 16
	// looks bounds a slice that has little to write.
	looks = 4096
	// lingerMost is how long a browser may take to close after it was told goodbye.
	lingerMost = 2 * time.Second
	// tick is the shortest wait for the next stream of a round: those that are due within one are visited together.
	tick = 20 * time.Millisecond
)

const (
	// SendBuffer is what the kernel may hold for a connection whose peer does not read, in bytes, as it is set with
	// SO_SNDBUF; the kernel doubles it, for its own bookkeeping. Its own choice would be megabytes of versions that are
	// no longer true.
	SendBuffer = 16 << 10
	// parkedBuffer is the same for a stream that has its connection to itself. On loopback the kernel takes as many small
	// events in a row as with twice as much; with half of it, thirty.
	parkedBuffer = 8 << 10
)

// tag names a stream to the kernel, and comes back with its events. The generation tells that an event is old:
// it may have been fetched before its stream ended and another one got the index.
type tag struct{ index, gen uint32 }

// event is what the kernel tells of a stream's connection.
type event struct {
	tag
	gone  bool // the peer has closed, or is lost
	wrote bool // it wrote something
	reads bool // there is room in the send buffer again
}

// interest is what is to be heard of a connection, beside that its peer has gone.
type interest uint8

const (
	writes interest = 1 << iota
	reads
)

// loop serves parked streams: one goroutine and one poller for any number of them. What it hears of from
// other goroutines it is told by a ring, which carries nothing, and finds under mu. All else is its own.
type loop struct {
	g    *Gateway
	idle chan struct{} // one slot: the ring for a loop without streams
	lag  loopLag

	mu       sync.Mutex // guards all until the empty line
	poller   *poller    // nil: not running
	closed   bool
	arrivals []arrival
	offered  []*audience // those with a frame in next
	posted   []func(now time.Time)

	streams   slab[parked]
	seats     slab[seat]
	audiences slab[audience]
	byProject map[version.Project]uint32

	coming []arrival   // to be welcomed
	passes []*audience // with seats that are still to be visited
	rest   map[uint32][]byte
	// uncovered are the streams whose newest hello leaves out a project.
	uncovered map[uint32]struct{}

	greetings agenda // streams that wait for their projects
	settling  agenda // those that get their second event
	lingers   agenda

	beats      round // heartbeats, one round after the other
	newCadence round // a heartbeat for all, since the cadence changed
	recast     round // the flag changed
	purge      round // tokens were revoked
	farewell   round // goodbyes
	dates      round // who is due for its token or its age

	recastOver   time.Duration
	farewellOver time.Duration
	last         *goodbye // not nil: whoever comes gets it at once
	dues         uint32   // Unix second at which the first stream ends for its token or its age; 0: none

	greeter *greeter
	scratch []byte
	gen     uint32
	written int                                                  // writes so far, by which slices are measured
	sent    struct{ versions, heartbeats, hellos, goodbyes int } // since the last turn
}

func newLoop(g *Gateway) *loop {
	return &loop{
		g: g, idle: make(chan struct{}, 1), byProject: map[version.Project]uint32{}, rest: map[uint32][]byte{}, uncovered: map[uint32]struct{}{},
		greetings: agenda{after: helloMost}, settling: agenda{after: secondEvent}, lingers: agenda{after: lingerMost},
		greeter: newGreeter(g.opt.Node),
	}
}

// run serves until ctx ends, and then cuts the streams that are left. A panic, which would be a bug of ours, ends
// the process by way of the error: streams that nobody serves must not look open.
func (l *loop) run(ctx context.Context) (err error) {
	defer l.close()
	defer func() {
		if bad := recover(); bad != nil {
			l.g.metrics.panics.Inc()
			l.g.log.Error("a stream loop panicked; please report this", "panic", bad, "stack", string(debug.Stack()))
			err = fmt.Errorf("a stream loop panicked: %v", bad)
		}
	}()
	p, err := newPoller()
	if err != nil {
		return fmt.Errorf("streams need a poller: %w", err)
	}
	l.mu.Lock()
	l.poller = p
	l.mu.Unlock()
	defer context.AfterFunc(ctx, func() { l.post(func(time.Time) {}) })()
	for ctx.Err() == nil {
		now := time.Now()
		l.collect(now)
		busy := l.turn(now)
		if !busy && l.streams.live == 0 {
			select {
			case <-l.idle:
			case <-ctx.Done():
			}
			continue
		}
		var events []event
		if next := l.next(now); busy || !next.IsZero() && !next.After(time.Now()) {
			events, err = p.look()
		} else {
			events, err = p.wait(next)
		}
		if err != nil {
			return fmt.Errorf("a stream loop: %w", err)
		}
		for _, e := range events {
			l.happened(e, time.Now())
		}
	}
	return nil
}

// park takes a connection over. False: the loop has ended, and the connection stays the caller's.
func (l *loop) park(a arrival) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.arrivals = append(l.arrivals, a)
	l.wakeLocked()
	return true
}

// post makes the loop do something.
func (l *loop) post(do func(now time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.posted = append(l.posted, do)
	l.wakeLocked()
}

// recastAll makes every stream follow a change of the flag, evenly over a time.
func (l *loop) recastAll(over time.Duration) {
	l.post(func(now time.Time) {
		l.recastOver = over
		l.recast.begin(now)
	})
}

// dismissAll says goodbye to every stream, evenly over a time, and at once to whoever comes from now on.
func (l *loop) dismissAll(g goodbye, over time.Duration) {
	l.post(func(now time.Time) {
		l.last, l.farewellOver = &g, over
		l.farewell.begin(now)
	})
}

func (l *loop) wakeLocked() {
	signal(l.idle)
	if l.poller != nil {
		l.poller.ring()
	}
}

// collect takes what others left.
func (l *loop) collect(now time.Time) {
	l.mu.Lock()
	l.coming = append(l.coming, l.arrivals...)
	clear(l.arrivals)
	l.arrivals = l.arrivals[:0]
	for _, a := range l.offered {
		if a.left == 0 && a.size.Load() > 0 {
			l.passes = append(l.passes, a)
		}
		a.pass(a.next)
		a.next = nil
	}
	clear(l.offered)
	l.offered = l.offered[:0]
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, do := range posted {
		do(now)
	}
}

// turn does a slice of everything that is to be done, and reports whether something is left.
func (l *loop) turn(now time.Time) (busy bool) {
	defer l.count()
	l.welcome(now)
	l.tell(now)
	l.keepDates(now)
	busy = len(l.coming) > 0 || len(l.passes) > 0
	heartbeat := l.g.pace.Now().Heartbeat
	if l.streams.live == 0 {
		l.beats = round{}
	} else if !l.beats.running {
		l.beats.begin(now)
	}
	if l.visit(&l.beats, now, heartbeat, l.beat) {
		busy = true
	}
	if l.beats.running && l.beats.share >= 1 && l.beats.at >= l.streams.high {
		l.beats.begin(now)
	}
	for _, r := range []struct {
		*round
		over time.Duration
		do   func(uint32, *parked, time.Time)
	}{{&l.newCadence, 0, l.retune}, {&l.dates, 0, l.keepDate}, {&l.recast, l.recastOver, l.reconsider}, {&l.purge, 0, l.revoke}, {&l.farewell, l.farewellOver, l.dismiss}} {
		if l.visit(r.round, now, r.over, r.do) {
			busy = true
		}
		if r.running && r.share >= 1 && r.at >= l.streams.high {
			*r.round = round{}
		}
	}
	return busy
}

// visit does a slice of a round, and reports whether more is due.
func (l *loop) visit(r *round, now time.Time, over time.Duration, do func(uint32, *parked, time.Time)) (more bool) {
	if !r.running {
		return false
	}
	due := r.due(now, l.streams.high, over)
	begun := l.written
	for n := 0; r.at < due && n < looks && l.written-begun < slice; n++ {
		r.at++
		if p := l.streams.at(r.at); p.fd != 0 {
			do(r.at, p, now)
		}
	}
	return r.at < due
}

// next is when there is something to do without that anybody rings.
func (l *loop) next(now time.Time) time.Time {
	next := earliest(l.greetings.next(), l.settling.next(), l.lingers.next())
	if l.dues != 0 {
		next = earliest(next, time.Unix(int64(l.dues), 0))
	}
	heartbeat := l.g.pace.Now().Heartbeat
	for _, r := range []struct {
		*round
		over time.Duration
	}{{&l.beats, heartbeat}, {&l.recast, l.recastOver}, {&l.farewell, l.farewellOver}} {
		if r.running {
			at := r.next(l.streams.high, r.over)
			if soon := now.Add(tick); at.Before(soon) {
				at = soon
			}
			next = earliest(next, at)
		}
	}
	return next
}

// count passes on what was sent: one addition for a slice, not for each stream.
func (l *loop) count() {
	m := l.g.metrics
	m.versions.Add(float64(l.sent.versions))
	m.heartbeats.Add(float64(l.sent.heartbeats))
	m.hellos.Add(float64(l.sent.hellos))
	m.goodbyes.Add(float64(l.sent.goodbyes))
	l.sent.versions, l.sent.heartbeats, l.sent.hellos, l.sent.goodbyes = 0, 0, 0, 0
}

// close cuts what is left.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	p := l.poller
	l.poller = nil
	l.coming = append(l.coming, l.arrivals...)
	l.arrivals = nil
	l.mu.Unlock()
	for _, a := range l.coming {
		closeSocket(a.fd)
		l.g.admission.Release(limits.Parked, a.ticket)
		l.g.released()
	}
	for i := uint32(1); i <= l.streams.high; i++ {
		if s := l.streams.at(i); s.fd != 0 {
			l.end(i, s, reasonGone)
		}
	}
	if p != nil {
		p.close()
	}
}
