package loop

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
	"nudge/version"
)

// rig is a loop with what it needs, in a bubble of synctest: time is fake. Its streams are of one kind.
type rig struct {
	*Loop
	carrier carrier // the Loop, but for tests that say otherwise
	t       *testing.T
	parked  bool
	board   *version.Board
	source  *source
	hub     *stream.Hub
	poller  *poller
	rules   *stream.Rules

	projects int // the limit of the hub
	spread   func(own int) time.Duration
	stop     func() // ends the carrier
	browsers []*browser

	most int // streams of one owner that count; 0: all

	mu        sync.Mutex // for tests that look while time passes: guards all below
	counting  map[stream.Owner]int
	uncovered int
	ended     map[stream.Reason]int
	tickets   map[Ticket][]stream.Reason // that were given back
	closed    int                        // sockets
	sent      Counts
	asked     int // hellos that may make a page poll
}

// carrier is what serves the streams of a rig.
type carrier interface {
	Run(context.Context) error
	Add(Arrival) bool
	CadenceChanged()
	FlagChanged(over time.Duration)
	TokensRevoked()
	Dismiss(g stream.Goodbye, over time.Duration)
}

// source is a memory that can have gaps.
type source struct {
	*version.Memory
	mu      sync.Mutex
	watched []string // in the order of asking
	now     map[version.Project]bool
}

func (s *source) watches(p version.Project) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[p]
}

func (s *source) Forget(p version.Project) {
	s.mu.Lock()
	delete(s.now, p)
	s.mu.Unlock()
	s.Memory.Forget(p)
}

func (s *source) Watch(p version.Project) {
	s.mu.Lock()
	s.watched = append(s.watched, p.String())
	s.now[p] = true
	s.mu.Unlock()
	s.Memory.Watch(p)
}

const heartbeat = 25 * time.Second

var heartbeatEvent = stream.NewHeartbeat(map[string]string{"push": "healthy"}, heartbeat)

// both runs f in a bubble for each kind of stream.
func both(t *testing.T, f func(*testing.T, *rig)) {
	t.Helper()
	for name, parked := range map[string]bool{"goroutine": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newRig(t, parked)) })
		})
	}
}

func newRig(t *testing.T, parked bool) *rig { return newRigOf(t, parked, nil) }

// newRigOf is newRig with another carrier than a Loop, if carry is not nil.
func newRigOf(t *testing.T, parked bool, carry func(Options) carrier) *rig {
	r := &rig{
		t: t, parked: parked, board: version.NewBoard(), poller: newFakePoller(), projects: 1000,
		counting: map[stream.Owner]int{}, ended: map[stream.Reason]int{}, tickets: map[Ticket][]stream.Reason{},
	}
	r.spread = func(int) time.Duration { return 0 }
	r.source = &source{Memory: version.NewMemory(r.board, version.MemoryOptions{}), now: map[version.Project]bool{}}
	r.hub = stream.NewHub(stream.HubOptions{
		Board: r.board, Source: r.source, Tabs: 1, Linger: func() time.Duration { return time.Minute }, Projects: func() int { return r.projects },
		Spread: func(_ version.Index, own int, _ time.Time) time.Duration { return r.spread(own) },
	})
	r.rules = &stream.Rules{
		Allows:  func(stream.Owner, version.Project) bool { return true },
		Revoked: func(stream.Owner, version.Project) bool { return false },
	}
	opt := Options{
		Hub: r.hub, Node: "gw", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Heartbeat: func() *stream.HeartbeatEvent { return heartbeatEvent },
		Rules:     func() *stream.Rules { return r.rules }, HelloSpread: func(stream.Owner, time.Time) time.Duration {
			r.add(&r.asked, 1)
			return 0
		},
		NewPoller: func() (Poller, error) { return r.poller, nil },
		Ended: func(ticket Ticket, _ uint32, parked bool, why stream.Reason) {
			if parked != r.parked {
				t.Errorf("a stream ends that was parked: %v", parked)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ended[why]++
			r.tickets[ticket] = append(r.tickets[ticket], why)
		},
		Closed:    func() { r.add(&r.closed, 1) },
		Count:     r.count,
		Left:      r.left,
		CallerOf:  func(o stream.Owner) uint64 { return uint64(o[0]) },
		Uncovered: func(n int) { r.add(&r.uncovered, n) }, Sent: func(c Counts) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sent.Hellos += c.Hellos
			r.sent.Versions += c.Versions
			r.sent.Heartbeats += c.Heartbeats
			r.sent.Goodbyes += c.Goodbyes
			r.sent.Conflated += c.Conflated
			r.sent.Behind += c.Behind
		}, Flushed: func(time.Duration) {}, Panicked: func() {},
	}
	if carry != nil {
		r.carrier = carry(opt)
	} else {
		r.Loop = New(opt)
		r.carrier = r.Loop
	}
	start := func(run func(context.Context) error) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
		return func() {
			cancel()
			running.Wait()
		}
	}
	r.stop = start(r.carrier.Run)
	stopHub := start(r.hub.Run)
	t.Cleanup(func() {
		r.stop()
		stopHub()
	})
	return r
}

// count counts a stream of an owner, and reports whether it does.
func (r *rig) count(o stream.Owner) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.most > 0 && r.counting[o] >= r.most {
		return false
	}
	r.counting[o]++
	return true
}

func (r *rig) left(o stream.Owner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counting[o]--
}

func (r *rig) add(to *int, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to += n
}

// open opens a stream for projects (42, 7) that the flag and the token allow.
func (r *rig) open(projects ...string) *browser { return r.openAs(stream.State{}, projects...) }

func (r *rig) openAs(s stream.State, projects ...string) *browser {
	a := Arrival{State: s, Judged: r.rules}
	for _, id := range projects {
		a.Projects = append(a.Projects, stream.Subscription{Project: r.project(id)})
	}
	b := &browser{r: r, room: -1}
	r.give(a, b)
	return b
}

// give gives a stream to the carrier, with the line of b.
func (r *rig) give(a Arrival, b *browser) {
	r.browsers = append(r.browsers, b)
	a.Number = uint32(len(r.browsers))
	if r.parked {
		a.FD = r.poller.take(b)
	} else {
		a.Line = func(t Tag, notify func(Event)) Line {
			b.tag, b.notify = t, notify
			return b
		}
	}
	if !r.carrier.Add(a) {
		r.t.Fatal("the loop has ended")
	}
	synctest.Wait()
}

func (r *rig) project(id string) version.Project {
	p, err := version.ParseProject(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// publish publishes 42@124 and the like, and waits until all have it.
func (r *rig) publish(marks ...string) {
	r.t.Helper()
	for _, text := range marks {
		m, err := version.ParseMark(text)
		if err != nil {
			r.t.Fatal(err)
		}
		if _, err := r.source.Publish(context.Background(), []version.News{{Project: m.Project, Version: m.Version}}); err != nil {
			r.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
