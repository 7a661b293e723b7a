package loop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"nudge/gateway/stream"
)

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
	discarded int    // times that what it sent was dropped
	over      bool   // it sends no more
	stuck     bool   // it broke because it took nothing
	bad       string // what a loop must not do with a line
	short     bool   // it took less than it was given
	closed    bool
	why       stream.Reason
	interest  Interest
	added     Interest     // its first
	hear      func([]byte) // what it gets, if not nil. mu is locked
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
func (b *browser) Stuck(error) bool { return b.stuck }
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
	b.tag, b.interest, b.added = t, i, i
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
