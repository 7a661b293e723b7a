//go:build unix

package redis_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/control"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// patience bounds every wait of these tests. Nothing is as slow; a wait ends with its event.
const patience = 20 * time.Second

func project(t testing.TB, id string) version.Project {
	t.Helper()
	p, err := version.ParseProject(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// source is a running source with what it says.
type source struct {
	version.Source
	*version.Board
	t      testing.TB
	echoes chan time.Time
	losses chan loss
	told   chan control.Entries // the newest that the host was told
}

// loss is what a source says when no news comes.
type loss struct {
	fault version.Fault
	err   error
}

// run runs src until the test is over, and waits for it.
func run(t testing.TB, s *source) *source {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

func newSource(t testing.TB) (*source, version.Evidence) {
	s := &source{Board: version.NewBoard(), t: t, echoes: make(chan time.Time, 1), losses: make(chan loss, 1), told: make(chan control.Entries, 1)}
	return s, version.Evidence{
		Echo: func(sent time.Time) { overwrite(s.echoes, sent) },
		Lost: func(f version.Fault, err error) { overwrite(s.losses, loss{f, err}) },
	}
}

// overwrite keeps the newest value in a one-slot channel that only the caller sends to.
func overwrite[T any](c chan T, v T) {
	select {
	case <-c:
	default:
	}
	c <- v
}

func memorySource(t testing.TB) *source {
	s, evidence := newSource(t)
	s.Source = version.NewMemory(s.Board, version.MemoryOptions{Probe: 50 * time.Millisecond, Evidence: evidence})
	return run(t, s)
}

func redisSource(t testing.TB, server *redistest.Server, mend func(*redis.Options)) *source {
	s, evidence := newSource(t)
	opt := redis.Options{
		Addrs: []string{server.Socket}, Probe: 100 * time.Millisecond, Host: version.Host{Evidence: evidence},
		Control: func(c control.Entries) { overwrite(s.told, c) },
	}
	if mend != nil {
		mend(&opt)
	}
	var log lockedBuffer
	handlers := []slog.Handler{slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})}
	if opt.Log != nil {
		handlers = append(handlers, opt.Log.Handler())
	}
	opt.Log = slog.New(slog.NewMultiHandler(handlers...))
	t.Cleanup(func() { secrettest.Check(t, "the log", log.String()) })
	src, err := redis.New(s.Board, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(src.Close)
	s.Source = src
	return run(t, s)
}

// until takes changes off the board until p is as wanted, and returns the change that made it so (only
// the state, if it was so before).
func (s *source) until(p version.Project, want func(version.Change) bool) version.Change {
	s.t.Helper()
	limit := time.After(patience)
	buf := append(s.Take(nil), version.Change{Project: p, State: s.State(p)})
	for {
		for _, c := range buf {
			if c.Project == p && want(c) {
				return c
			}
		}
		select {
		case <-s.Changed():
			buf = s.Take(buf[:0])
		case <-limit:
			s.t.Fatalf("project %s: still %+v", p, s.State(p))
		}
	}
}

func (s *source) untilVersion(p version.Project, v version.Version) version.Change {
	s.t.Helper()
	return s.until(p, func(c version.Change) bool { return c.Listening && c.Known && c.Version == v })
}

func (s *source) untilUnknown(p version.Project) version.Change {
	s.t.Helper()
	return s.until(p, func(c version.Change) bool { return c.Listening && !c.Known })
}

func wait[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// Both sources pass one suite.
func TestSource(t *testing.T) {
	t.Parallel()
	sources := map[string]func(t *testing.T) *source{
		"memory": func(t *testing.T) *source { return memorySource(t) },
		"redis": func(t *testing.T) *source {
			server := redistest.Start(t)
			compareMessages(t, server)
			return redisSource(t, server, nil)
		},
	}
	tests := map[string]func(t *testing.T, s *source){
		"echo": func(t *testing.T, s *source) {
			before := time.Now()
			if sent := wait(t, "the echo", s.echoes); sent.Before(before.Add(-time.Minute)) || sent.After(time.Now()) {
				t.Errorf("echo of a probe sent at %v", sent)
			}
			wait(t, "a second echo", s.echoes)
		},
		"watch what nobody published": func(_ *testing.T, s *source) {
			p := project(s.t, "42")
			s.Watch(p)
			s.untilUnknown(p)
		},
		"publish to a watcher": func(t *testing.T, s *source) {
			p, prev := project(t, "42"), version.Version(123)
			s.Watch(p)
			s.untilUnknown(p)
			s.publish(1, 0, version.News{Project: p, Version: 124, Prev: &prev, Writer: "tab", Data: []byte(`{"a":1}`)})
			c := s.untilVersion(p, 124)
			if c.Extras == nil || *c.Extras.Prev != 123 || c.Extras.Writer != "tab" || string(c.Extras.Data) != `{"a":1}` {
				t.Errorf("extras %+v", c.Extras)
			}
		},
		"publish before anybody watches": func(t *testing.T, s *source) {
			p := project(t, "42")
			s.publish(1, 0, version.News{Project: p, Version: 124})
			s.Watch(p)
			s.untilVersion(p, 124)
		},
		"only what is newer is stored": func(t *testing.T, s *source) {
			p := project(t, "42")
			s.publish(2, 2, version.News{Project: p, Version: 10}, version.News{Project: p, Version: 9},
				version.News{Project: p, Version: 10}, version.News{Project: p, Version: 11})
			s.Watch(p)
			s.untilVersion(p, 11)
		},
		"a reset goes down": func(t *testing.T, s *source) {
			p := project(t, "42")
			s.publish(1, 0, version.News{Project: p, Version: 100})
			s.Watch(p)
			s.untilVersion(p, 100)
			s.publish(1, 0, version.News{Project: p, Version: 50, Reset: true})
			if c := s.untilVersion(p, 50); !c.Reset {
				t.Error("not announced as a reset")
			}
			s.publish(1, 0, version.News{Project: p, Version: 51})
			s.untilVersion(p, 51)
		},
		"read": func(t *testing.T, s *source) {
			wait(t, "an echo", s.echoes)
			p := project(t, "42")
			s.reads(p, version.Key{})
			s.publish(1, 0, version.News{Project: p, Version: 5})
			s.reads(p, version.Key{Version: 5, Known: true})
			if got := s.State(p); got != (version.State{}) {
				t.Errorf("a project that was only read is %+v", got)
			}
		},
		"greatest version": func(t *testing.T, s *source) {
			p := project(t, "42")
			s.publish(1, 0, version.News{Project: p, Version: version.Max - 1})
			s.publish(1, 1, version.News{Project: p, Version: version.Max}, version.News{Project: p, Version: version.Max})
			s.Watch(p)
			s.untilVersion(p, version.Max)
		},
		"forget, and watch again": func(t *testing.T, s *source) {
			p := project(t, "42")
			s.Watch(p)
			s.Watch(p)
			s.untilUnknown(p)
			s.Forget(p)
			s.Forget(p)
			s.publish(1, 0, version.News{Project: p, Version: 5})
			if got := s.State(p); got != (version.State{}) {
				t.Errorf("a forgotten project is %+v", got)
			}
			s.Watch(p)
			s.untilVersion(p, 5)
			s.publish(1, 0, version.News{Project: p, Version: 6})
			s.untilVersion(p, 6)
			if n := s.Len(); n != 1 {
				t.Errorf("%d watched, want 1", n)
			}
		},
	}
	for kind, start := range sources {
		for name, test := range tests {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				s.t = t
				test(t, s)
			})
		}
	}
}

func (s *source) reads(p version.Project, want version.Key) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if got, err := s.Read(ctx, p); err != nil || got != want {
		s.t.Errorf("Read: %+v, %v; want %+v", got, err, want)
	}
}

func (s *source) publish(accepted, stale int, news ...version.News) {
	s.t.Helper()
	got, err := s.Publish(s.t.Context(), news)
	if err != nil || got.Accepted != accepted || got.Stale != stale {
		s.t.Fatalf("Publish: %+v, %v; want %d accepted, %d stale", got, err, accepted, stale)
	}
}
