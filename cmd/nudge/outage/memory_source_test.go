package outage

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nudge/version"
)

// What gateways rely on while a real Redis is down, and after it: news is refused, nothing is read, no echo comes back; then
// the stored version is believed again.
func TestSourceStopsAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := version.NewBoard()
		var echoed atomic.Int64
		var lost []version.Fault
		s := NewSource(board, version.MemoryOptions{Probe: time.Second, Evidence: version.Evidence{
			Echo: func(time.Time) { echoed.Add(1) },
			Lost: func(f version.Fault, err error) { lost = append(lost, f) },
		}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()

		p, _ := version.ParseProject("42")
		other, _ := version.ParseProject("7")
		publish := func(v version.Version) error {
			_, err := s.Publish(ctx, []version.News{{Project: p, Version: v}})
			return err
		}
		s.Watch(p)
		if err := publish(124); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10500 * time.Millisecond)
		echoes := echoed.Load()
		if got := board.State(p); !got.Listening || !got.Known || got.Version != 124 || echoes != 11 || !s.On() {
			t.Fatalf("before: %+v, %d echoes", got, echoes)
		}

		s.Set(false)
		s.Set(false)
		s.Watch(other)
		time.Sleep(10 * time.Second)
		echoes = echoed.Load()
		if got := board.State(p); got.Listening || board.State(other).Listening || echoes != 11 || len(lost) != 1 || s.On() {
			t.Errorf("stopped: %+v, %d echoes, lost %v", got, echoes-11, lost)
		}
		if err := publish(125); !errors.Is(err, version.ErrUnavailable) {
			t.Errorf("published while stopped: %v", err)
		}
		if _, err := s.Read(ctx, p); !errors.Is(err, version.ErrUnavailable) {
			t.Errorf("read while stopped: %v", err)
		}

		s.Set(true)
		time.Sleep(10 * time.Second)
		echoes = echoed.Load()
		if got := board.State(p); !got.Listening || got.Version != 124 || !board.State(other).Listening || echoes != 21 {
			t.Errorf("back: %+v, %d echoes", got, echoes-11)
		}
		if err := publish(126); err != nil || board.State(p).Version != 126 {
			t.Errorf("published after: %v, %+v", err, board.State(p))
		}
		s.Forget(other)
		s.Set(false)
		s.Set(true)
		if board.State(other).Listening {
			t.Error("a forgotten project is watched again")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
