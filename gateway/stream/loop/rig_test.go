package loop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
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

	mu        sync.Mutex // for tests that look while time passes: guards all below
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
		ended: map[stream.Reason]int{}, tickets: map[Ticket][]stream.Reason{},
	}
	r.spread = func(int) time.Duration { return 0 }
	r.source = &source{Memory: version.NewMemory(r.board, version.MemoryOptions{}), now: map[version.Project]bool{}}
	r.hub = stream.NewHub(stream.HubOptions{
		Board: r.board, Source: r.source, Linger: func() time.Duration { return time.Minute }, Projects: func() int { return r.projects },
		Spread: func(_ version.Index, own int, _ time.Time) time.Duration { return r.spread(own) },
	})
	r.rules = &stream.Rules{
		Allows:  func(stream.Owner, version.Project) bool { return true },
		Revoked: func(stream.Owner, version.Project) bool { return false },
	}
	opt := Options{
		Hub: r.hub, Node: "gw", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Cadence: func() stream.Cadence {
			return stream.Cadence{Fields: []byte(`"push":"healthy"`), Heartbeat: []byte("event: heartbeat\ndata: {}\n\n"), Every: heartbeat}
		},
		Rules: func() *stream.Rules { return r.rules }, HelloSpread: func(time.Time) time.Duration {
			r.add(&r.asked, 1)
			return 0
		},
		NewPoller: func() (Poller, error) { return r.poller, nil },
		Ended: func(ticket Ticket, parked bool, why stream.Reason) {
			if parked != r.parked {
				t.Errorf("a stream ends that was parked: %v", parked)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ended[why]++
			r.tickets[ticket] = append(r.tickets[ticket], why)
		},
		Closed:    func() { r.add(&r.closed, 1) },
		Uncovered: func(n int) { r.add(&r.uncovered, n) }, Sent: func(c Counts) {
			r.sent.Hellos += c.Hellos
			r.sent.Versions += c.Versions
			r.sent.Heartbeats += c.Heartbeats
			r.sent.Goodbyes += c.Goodbyes
		}, Panicked: func() {},
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

func (r *rig) add(to *int, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to += n
}

// browser is one stream, and its line.
type browser struct {
	r      *rig
	notify func(Event)
	tag    Tag

	mu        sync.Mutex
	room      int // bytes that it takes until it reads again; -1: any number
	got       bytes.Buffer
	broken    error
	finished  bool
	discarded int  // times that what it sent was dropped
	over      bool // it sends no more
	stuck     bool // it broke because it took nothing
	patience  time.Duration
	bad       string // what a loop must not do with a line
	short     bool   // it took less than it was given
	closed    bool
	why       stream.Reason
	interest  Interest
	hear      func([]byte) // what it gets, if not nil. mu is locked
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

// take returns what came since the last time: "hello", "42@124", "heartbeat", "goodbye drain".
func (b *browser) take() (events []string) {
	b.r.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bad != "" {
		b.r.t.Error(b.bad)
	}
	whole := b.got.String()
	end := strings.LastIndex(whole, "\n\n")
	if end < 0 {
		return nil
	}
	b.got.Next(end + 2)
	for text := range strings.SplitSeq(whole[:end], "\n\n") {
		if e := b.event(text); e != "" {
			events = append(events, e)
		}
	}
	return events
}

func (b *browser) event(text string) string {
	var name, data string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n, ok := strings.CutPrefix(line, "event: "); ok {
			name = n
		}
		if d, ok := strings.CutPrefix(line, "data: "); ok {
			data = d
		}
	}
	var v struct {
		Project  string
		Version  int64
		Reset    bool
		Reason   string
		Versions map[string]int64
		Unknown  []string
		Waiting  []string
		Denied   []string
		Off      []string
	}
	if data != "" {
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			b.r.t.Errorf("%v in %q", err, text)
		}
	}
	switch name {
	case "version":
		if v.Reset {
			return fmt.Sprintf("%s@%d reset", v.Project, v.Version)
		}
		return fmt.Sprintf("%s@%d", v.Project, v.Version)
	case "goodbye":
		return "goodbye " + v.Reason
	case "hello":
		s := "hello"
		for _, id := range slices.Sorted(maps.Keys(v.Versions)) {
			s += fmt.Sprintf(" %s@%d", id, v.Versions[id])
		}
		for _, list := range []struct {
			name string
			ids  []string
		}{{"unknown", v.Unknown}, {"waiting", v.Waiting}, {"denied", v.Denied}, {"off", v.Off}} {
			for _, id := range list.ids {
				s += " " + list.name + ":" + id
			}
		}
		return s
	}
	return name
}

// want fails the test if something else came since the last time.
func (b *browser) want(events ...string) {
	b.r.t.Helper()
	if got := b.take(); strings.Join(got, ", ") != strings.Join(events, ", ") {
		b.r.t.Fatalf("got %q, want %q", got, events)
	}
}

// The line's side.

func (b *browser) tell(e Event) {
	e.Tag = b.tag
	b.notify(e)
	synctest.Wait()
}

// leave closes the connection.
func (b *browser) leave() { b.tell(Event{Gone: true}) }

// stall makes the browser take no more than so many bytes.
func (b *browser) stall(room int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room = room
}

// read makes it take any number again.
func (b *browser) read() { b.sip(-1) }

// sip makes it take so many bytes more. The line tells the loop, if that wants to know.
func (b *browser) sip(room int) {
	b.stall(room)
	b.mu.Lock()
	tell := b.short
	if b.r.parked {
		tell = b.interest&OnWritable != 0
	}
	b.short = false
	b.mu.Unlock()
	if tell {
		b.tell(Event{Writable: true})
	}
}

func (b *browser) breakLine() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = errors.New("broken pipe")
}

func (b *browser) ended() bool {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

func (b *browser) Watch(i Interest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interest = i
	return nil
}

func (b *browser) Send(p []byte, _ bool) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed || b.finished:
		b.bad = "sent to a line that is closed"
	case b.broken != nil:
		return 0, b.broken
	}
	n := len(p)
	if b.room >= 0 {
		n = min(n, b.room)
		b.room -= n
	}
	b.short = b.short || n < len(p)
	if b.hear != nil {
		b.hear(p[:n])
	} else {
		b.got.Write(p[:n])
	}
	return n, nil
}

func (b *browser) Finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished = true
}

func (b *browser) Discard() bool {
	b.discarded++
	return !b.over
}
func (b *browser) SetPatience(d time.Duration) { b.patience = d }
func (b *browser) Stuck(error) bool            { return b.stuck }
func (b *browser) Close(why stream.Reason) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		b.bad = "closed twice"
	}
	b.closed, b.why = true, why
}

// poller is a poller without a kernel: it waits for channels and timers, so that a bubble knows when it waits.
type poller struct {
	wake chan struct{}

	mu       sync.Mutex
	browsers map[int32]*browser
	last     int32
	events   []Event
	closed   bool
}

func newFakePoller() *poller {
	return &poller{wake: make(chan struct{}, 1), browsers: map[int32]*browser{}}
}

func (p *poller) take(b *browser) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	p.browsers[p.last] = b
	return p.last
}

func (p *poller) Wait(until time.Time) ([]Event, error) {
	var due <-chan time.Time
	if !until.IsZero() {
		due = time.After(time.Until(until))
	}
	select {
	case <-p.wake:
	case <-due:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	events := p.events
	p.events = nil
	return events, nil
}

func (p *poller) Look() ([]Event, error) { return p.Wait(time.Now()) }

func (p *poller) Ring() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *poller) Add(fd int32, t Tag, i Interest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.browsers[fd]
	b.tag, b.interest = t, i
	b.notify = func(e Event) {
		p.mu.Lock()
		p.events = append(p.events, e)
		p.mu.Unlock()
		p.Ring()
	}
	return nil
}

func (p *poller) Line(fd int32, _ Tag) Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.browsers[fd]
}

func (p *poller) Close() { p.closed = true }
