package loop

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

const (
	// slice is how many writes the loop does for one kind of work in one turn: some hundred microseconds. A turn without work
	// costs as much as half a write.
	slice = 16
	// mostVisits bounds how many streams one slice visits if few of them need a write.
	mostVisits = 4096
	// lingerMost is how long a browser may take to close the connection after its goodbye.
	lingerMost = 2 * time.Second
	// tick is the shortest wait for the next stream of a sweep: streams that are due within one tick are visited together.
	tick = 20 * time.Millisecond
)

// Options are the options of [New]. The loop's goroutine calls the funcs: they must not block, nor call the loop. All fields but
// NewPoller are needed.
type Options struct {
	Hub  *stream.Hub
	Node string // name of the gateway, in hellos

	Heartbeat func() *stream.HeartbeatEvent // how often to poll now
	Rules     func() *stream.Rules          // who may see what now
	// HelloSpread returns the spread of a hello that may make its page poll.
	HelloSpread func(o stream.Owner, now time.Time) time.Duration

	// NewPoller makes the poller of parked streams; nil: no stream is parked.
	NewPoller func() (Poller, error)

	// Ended is called once for each stream that ends. Closed is called once for each parked stream, later, when its socket is
	// closed.
	Ended  func(t Ticket, number uint32, parked bool, why stream.Reason)
	Closed func()
	// Count is called for each stream that opens, and reports whether estimates of load count it. If not, it is an extra one, and
	// Count is called again with each heartbeat until they do. Left is called once for each stream that they count.
	Count func(stream.Owner) bool
	Left  func(stream.Owner)
	// CallerOf returns what stands for the caller of a stream, not 0.
	CallerOf func(stream.Owner) uint64
	// Uncovered is called with 1 when the hello of a stream that counts leaves out a project, and with -1 when this is over.
	Uncovered func(int)
	// Sent is called with the numbers of events sent since the last call.
	Sent func(Counts)
	// Flushed is called with the time from an advance until it was written to all streams of the loop that watch its project.
	Flushed func(time.Duration)
	// Panicked is called before the loop ends because of a bug.
	Panicked func()

	Log *slog.Logger
}

// Counts are numbers of events sent, and what became of the others.
type Counts struct {
	Hellos, Versions, Heartbeats, Goodbyes int

	Conflated int // changes that a newer one of the same project replaced before they were written to all
	Behind    int // streams that fell behind, less those that caught up or ended
}

// Ticket is passed to Options.Ended when the stream ends. The loop does not look at it.
type Ticket [2]uint32

// record is a stream.
type record struct {
	stream.State
	fd     int32  // of the socket; -1: the stream has a line of its own; 0: the record is unused
	gen    uint32 // Arrival.Number: it differs from that of earlier streams with the same index
	subs   uint32 // the first of its subscriptions
	ticket Ticket
}

// Loop serves streams. [New] makes it, [Loop.Run] runs it.
type Loop struct {
	opt    Options
	wake   version.Signal // there may be work
	number int            // among the loops of the hub
	lag    lag

	mu       sync.Mutex // guards all until the empty line
	poller   Poller     // nil: not running, or there are no sockets
	closed   bool
	posted   []func(now time.Time)
	offered  map[version.Index]*stream.Frame // the newest of each project
	replaced int                             // frames that a newer one replaced in offered

	streams slab[record]
	subs    slab[subscription]
	shards  slab[shard]
	shardOf map[version.Index]uint32
	lines   map[uint32]Line // of streams with a line of their own
	sockets int             // streams with a socket
	rest    map[uint32]rest // of streams that are behind

	doing   []func(now time.Time)    // what was posted; nil: done. After a panic close does the others
	coming  []Arrival                // to be added to the loop
	sending []uint32                 // shards with subscriptions still to visit
	frames  map[uint32]*stream.Frame // being sent, by shard
	events  []Event                  // of sockets, from the last wait

	waits   timers // streams that wait for their projects
	flushes timers // parked streams that get a comment
	seconds timers // streams that get their second event
	lingers timers // streams whose browsers have not closed yet

	beats     sweep // heartbeats, one sweep after the other
	cadence   sweep // the cadence changed: a heartbeat for all
	flag      sweep // the flag changed
	revoked   sweep // tokens were revoked
	ends      sweep // streams that end because of their token or their age
	dismissed sweep // goodbyes

	sweeps []sweepTask // all of these

	flagOver    time.Duration
	dismissOver time.Duration
	goodbye     *stream.Goodbye // not nil: the gateway is leaving
	firstEnd    uint32          // Unix second in which the first stream ends by itself; 0: none does

	hello   *stream.HelloWriter
	scratch []byte
	written int    // writes so far, to measure slices
	sent    Counts // since the last turn
}

// New returns a loop, and joins it to the hub. [Loop.Run] runs it.
func New(opt Options) *Loop {
	l := &Loop{
		opt: opt, wake: version.NewSignal(), shardOf: map[version.Index]uint32{}, lines: map[uint32]Line{},
		hello: stream.NewHelloWriter(opt.Node),
	}
	l.waits = timers{after: stream.HelloMost, do: l.on(stream.WaitedEnough)}
	l.flushes = timers{after: stream.FlushAfter, do: l.on(stream.FlushDue)}
	l.seconds = timers{after: stream.SecondEvent, do: l.on(stream.SecondDue)}
	l.lingers = timers{after: lingerMost, do: func(i uint32, r *record, _ time.Time) { l.free(i, r, r.Why()) }}
	l.sweeps = l.allSweeps()
	l.number = opt.Hub.Join(l)
	return l
}

// Run serves until ctx ends, and then closes the remaining streams. A panic is a bug of ours, and becomes the error: the
// process must end, since streams that nobody serves must not look open.
func (l *Loop) Run(ctx context.Context) (err error) {
	defer l.close()
	defer func() {
		if bad := recover(); bad != nil {
			l.opt.Panicked()
			l.opt.Log.Error("a stream loop panicked", "panic", bad, "stack", string(debug.Stack()),
				"fix", "report this line as a bug of Nudge; the process ends, so let the service manager start it again")
			err = fmt.Errorf("a stream loop panicked: %v", bad)
		}
	}()
	if l.opt.NewPoller != nil {
		p, err := l.opt.NewPoller()
		if err != nil {
			return fmt.Errorf("streams need a poller: %w", err)
		}
		l.mu.Lock()
		l.poller = p
		l.mu.Unlock()
	}
	defer context.AfterFunc(ctx, l.Wake)()
	for ctx.Err() == nil {
		now := time.Now()
		l.collect(now)
		busy := l.turn(now)
		if err := l.wait(ctx, busy, now); err != nil {
			return fmt.Errorf("a stream loop: %w", err)
		}
		for _, e := range l.events {
			l.handle(e, time.Now())
		}
	}
	return nil
}

// wait waits until there is work, and fetches the events of sockets. If the loop is busy it only lets other goroutines run.
func (l *Loop) wait(ctx context.Context, busy bool, now time.Time) (err error) {
	l.events = nil
	next := l.next()
	busy = busy || !next.IsZero() && !next.After(time.Now())
	if l.sockets > 0 { // the poller is woken by wakeLocked too
		if busy {
			l.events, err = l.poller.Look()
		} else {
			l.events, err = l.poller.Wait(next)
		}
		return err
	}
	if busy {
		next = now
	}
	var due <-chan time.Time
	if !next.IsZero() {
		due = time.After(time.Until(next))
	}
	select {
	case <-l.wake:
	case <-due:
	case <-ctx.Done():
	}
	return nil
}

// Wake makes the loop look for work.
func (l *Loop) Wake() { l.Post(func(time.Time) {}) }

// Post makes the loop call do once, which must not block. Any goroutine may call Post. False: the loop has ended, and does not.
func (l *Loop) Post(do func(now time.Time)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.posted = append(l.posted, do)
	l.wakeLocked()
	return true
}

func (l *Loop) wakeLocked() {
	l.wake.Set()
	if l.poller != nil {
		l.poller.Ring()
	}
}

// CadenceChanged sends a heartbeat to every stream.
func (l *Loop) CadenceChanged() { l.Post(l.cadence.begin) }

// FlagChanged decides the access of every stream again, evenly over a time.
func (l *Loop) FlagChanged(over time.Duration) {
	l.Post(func(now time.Time) {
		l.flagOver = over
		l.flag.begin(now)
	})
}

// TokensRevoked decides the access of every stream again, at once, as far as revocations are concerned.
func (l *Loop) TokensRevoked() { l.Post(l.revoked.begin) }

// Dismiss says goodbye to every stream, evenly over a time, and at once to each that arrives from now on.
func (l *Loop) Dismiss(g stream.Goodbye, over time.Duration) {
	l.Post(func(now time.Time) {
		l.goodbye, l.dismissOver = &g, over
		l.dismissed.begin(now)
	})
}

// collect takes and does what other goroutines have left.
func (l *Loop) collect(now time.Time) {
	l.mu.Lock()
	l.doing = append(l.doing, l.posted...)
	clear(l.posted)
	l.posted = l.posted[:0]
	offered := l.offered
	l.sent.Conflated += l.replaced
	l.offered, l.replaced = nil, 0
	l.mu.Unlock()
	for project, f := range offered {
		l.begin(project, f)
	}
	for i, do := range l.doing {
		if l.doing[i] = nil; do != nil {
			do(now)
		}
	}
	l.doing = l.doing[:0]
}
