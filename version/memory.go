package version

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// MemoryOptions are the options of [NewMemory].
type MemoryOptions struct {
	Probe    time.Duration // time between two echoes; 0: 2 s
	Evidence Evidence
}

// Memory is the source of a single node: what is published here is stored here, and forgotten with the
// process. Its methods may be called at any time, also before and after Run.
type Memory struct {
	board *Board
	opt   MemoryOptions

	mu     sync.Mutex // guards all below, and keeps the board in the order of publishing
	stored map[Project]Version
	stats  Stats
}

// NewMemory returns a source that writes to board.
func NewMemory(board *Board, opt MemoryOptions) *Memory {
	opt.Probe = cmp.Or(max(0, opt.Probe), 2*time.Second)
	if opt.Evidence.Echo == nil {
		opt.Evidence.Echo = func(time.Time) {}
	}
	return &Memory{board: board, opt: opt, stored: map[Project]Version{}}
}

// Run gives an echo each probe. There is no connection that could break, so running proves that news arrives.
func (m *Memory) Run(ctx context.Context) error {
	tick := time.NewTicker(m.opt.Probe)
	defer tick.Stop()
	for {
		m.opt.Evidence.Echo(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Watch implements [Source]. The board listens at once.
func (m *Memory) Watch(p Project) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.board.Open(p)
	if m.listens(p) {
		return
	}
	v, known := m.stored[p]
	m.board.Confirm(p, Key{v, known}, 1)
}

// listens reports whether p is watched: then the board listens, from the beginning on.
func (m *Memory) listens(p Project) bool { return m.board.State(p).Listening }

// Forget implements [Source].
func (m *Memory) Forget(p Project) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.board.Clear(p)
}

// Publish implements [Source]. It never fails.
func (m *Memory) Publish(_ context.Context, news []News) (Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var r Receipt
	for _, n := range news {
		held, known := m.stored[n.Project]
		if known && n.Version <= held && !n.Reset {
			r.Stale++
			continue
		}
		r.Accepted++
		m.stats.Messages++
		m.stored[n.Project] = n.Version
		if m.listens(n.Project) {
			m.board.Message(n)
		}
	}
	return r, nil
}

// Read implements [Source]. It never fails. There is nothing stored that the board does not have.
func (m *Memory) Read(_ context.Context, p Project) (Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, known := m.stored[p]
	return Key{v, known}, nil
}

// Stats implements [Source].
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}
