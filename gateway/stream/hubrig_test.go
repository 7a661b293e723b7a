package stream

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nudge/version"
)

// hubRig is a hub that runs in a bubble of synctest.
type hubRig struct {
	*Hub
	t        fataler
	source   *askedSource
	projects atomic.Int64
	linger   atomic.Int64 // nanoseconds
	stop     func()
}

// fataler is a test, also one of rapid.
type fataler interface {
	Helper()
	Error(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// askedSource writes down what it is asked: +a, and -a.
type askedSource struct {
	*version.Memory
	mu    sync.Mutex
	asked []string
}

func (s *askedSource) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

// take returns what was asked since the last time.
func (s *askedSource) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *askedSource) Watch(p version.Project) {
	s.note("+" + p.String())
	s.Memory.Watch(p)
}

func (s *askedSource) Forget(p version.Project) {
	s.note("-" + p.String())
	s.Memory.Forget(p)
}

func newHubRig(t fataler, projects int64) *hubRig {
	board := version.NewBoard()
	r := &hubRig{t: t}
	r.projects.Store(projects)
	r.linger.Store(int64(time.Minute))
	r.source = &askedSource{Memory: version.NewMemory(board, version.MemoryOptions{})}
	r.Hub = NewHub(HubOptions{
		Board: board, Source: r.source,
		Linger: func() time.Duration { return time.Duration(r.linger.Load()) }, Projects: func() int { return int(r.projects.Load()) },
		Spread: func(_ version.Index, own int, _ time.Time) time.Duration {
			if own == 0 {
				t.Error("a change that nobody is told of is booked as polls")
			}
			return time.Duration(own) * time.Second
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	r.stop = func() {
		stop()
		<-done
	}
	return r
}

func inHub(t *testing.T, projects int64, f func(*testing.T, *hubRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newHubRig(t, projects)
		defer r.stop()
		f(t, r)
	})
}

// watch makes a new loop with so many streams that watch a project.
func (r *hubRig) watch(id string, size int) *listener {
	l := r.listener(id, size)
	synctest.Wait()
	return l
}

func (r *hubRig) listener(id string, size int) *listener {
	l := &listener{hub: r.Hub, project: mustProject(r.t, id), size: size}
	l.number = r.Join(l)
	l.attach()
	return l
}

// wantAsked fails the test if the source was asked something else since the last time.
func (r *hubRig) wantAsked(want string) {
	r.t.Helper()
	synctest.Wait()
	if got := strings.Join(r.source.take(), " "); got != want {
		r.t.Fatalf("the source was asked %q, want %q", got, want)
	}
}

func (r *hubRig) publish(n version.News) {
	if _, err := r.source.Publish(context.Background(), []version.News{n}); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
}

// listener is a loop that writes down what it hears.
type listener struct {
	hub     *Hub
	number  int
	project version.Project
	index   version.Index
	size    int
	frames  []*Frame
}

func (l *listener) attach() {
	l.index = l.hub.Open(l.project)
	for n := range l.size {
		l.hub.Watch(l.index, l.number, n == 0)
	}
}

func (l *listener) detach() {
	for n := range l.size {
		l.hub.Unwatch(l.index, l.number, n == l.size-1)
	}
	l.hub.Close(l.index)
}

func (l *listener) Offer(_ version.Index, f *Frame) { l.frames = append(l.frames, f) }

// heard returns versions and spreads since the last time.
func (l *listener) heard() (s string) {
	for _, f := range l.frames {
		s += fmt.Sprintf("%d/%s ", f.Version, f.Spread)
	}
	l.frames = nil
	return strings.TrimSpace(s)
}
