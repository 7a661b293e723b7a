package outage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"nudge/version"
)

var errStopped = errors.New("stopped by a visitor of the demo")

// Source is a [version.Memory] that can be stopped, like a Redis server: meanwhile it takes no news and no echo comes back,
// and the gateway is told so. What was stored before is there again afterwards; what was published meanwhile is lost.
type Source struct {
	*version.Memory
	board *version.Board
	lost  func(version.Fault, error)

	mu      sync.Mutex // guards all below, and keeps the board in the order of what happens
	stopped bool
	watched map[version.Project]bool
}

// NewSource returns a source that writes to board and is not stopped.
func NewSource(board *version.Board, o version.MemoryOptions) *Source {
	s := &Source{board: board, lost: o.Evidence.Lost, watched: map[version.Project]bool{}}
	if s.lost == nil {
		s.lost = func(version.Fault, error) {}
	}
	if echo := o.Evidence.Echo; echo != nil {
		o.Evidence.Echo = func(sent time.Time) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.stopped {
				echo(sent)
			}
		}
	}
	s.Memory = version.NewMemory(board, o)
	return s
}

// On tells whether the source works.
func (s *Source) On() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.stopped
}

// Set stops the source, or starts it again. It never fails.
func (s *Source) Set(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == !on {
		return nil
	}
	s.stopped = !on
	if s.stopped {
		s.board.Gap()
		s.lost(version.FaultConnection, errStopped)
		return nil
	}
	for p := range s.watched {
		s.Memory.Watch(p) // subscribes again, and reads the stored version
	}
	return nil
}

// Watch implements [version.Source].
func (s *Source) Watch(p version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched[p] = true
	if s.stopped {
		s.board.Open(p)
		return
	}
	s.Memory.Watch(p)
}

// Forget implements [version.Source].
func (s *Source) Forget(p version.Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watched, p)
	s.Memory.Forget(p)
}

// Publish implements [version.Source].
func (s *Source) Publish(ctx context.Context, news []version.News) (version.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return version.Receipt{}, fmt.Errorf("publish: %w: %w", version.ErrUnavailable, errStopped)
	}
	return s.Memory.Publish(ctx, news)
}

// Read implements [version.Source].
func (s *Source) Read(ctx context.Context, p version.Project) (version.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return version.Key{}, fmt.Errorf("read %s: %w: %w", p, version.ErrUnavailable, errStopped)
	}
	return s.Memory.Read(ctx, p)
}
