package stream

import (
	"maps"
	"slices"
	"sync"
	"time"

	"nudge/version"
)

// MostHeld is how long a poll is held at most: some proxies end a request that is silent for 30 s.
const MostHeld = 25 * time.Second

// Poll is a held poll (long poll): a request that waits for the next change of its projects. It is safe for concurrent use.
type Poll struct {
	hub      *Hub
	projects []version.Index
	wake     version.Signal
	extra    bool // its caller has more streams than a caller counts as
	caller   uint64

	mu     sync.Mutex // guards all below
	heard  bool
	spread time.Duration
	ended  bool
}

// Hold returns a new poll of projects, each named once, or nil after ClosePolls. The caller must Release it. counts:
// estimates count it as a watcher; else it is an extra one of this caller.
func (h *Hub) Hold(projects []version.Project, counts bool, caller uint64) *Poll {
	p := &Poll{hub: h, wake: version.NewSignal(), extra: !counts, caller: caller, projects: make([]version.Index, len(projects))}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.polls[p] = struct{}{}
	for n, project := range projects {
		i := h.openLocked(project)
		p.projects[n] = i
		h.held[i] = append(h.held[i], p)
		h.watchLocked(i)
		if p.extra {
			h.extra.add(i, caller, 1)
		}
	}
	return p
}

// Release ends the poll. A second call does nothing.
func (p *Poll) Release() {
	h := p.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, held := h.polls[p]; !held {
		return
	}
	delete(h.polls, p)
	for _, i := range p.projects {
		others := h.held[i]
		at := slices.Index(others, p)
		last := len(others) - 1
		others[at], others[last] = others[last], nil
		if h.held[i] = others[:last]; last == 0 {
			delete(h.held, i)
		}
		if p.extra {
			h.extra.add(i, p.caller, -1)
		}
		h.unwatchLocked(i)
		h.closeLocked(i)
	}
}

// Offer implements [Watcher].
func (p *Poll) Offer(_ version.Index, f *Frame) {
	p.mu.Lock()
	p.heard, p.spread = true, f.Spread
	p.mu.Unlock()
	p.wake.Set()
}

// Wake returns a channel that gets a token when the poll should look again: a project changed, or it should answer now.
func (p *Poll) Wake() <-chan struct{} { return p.wake }

// Ended reports whether End was called: then the poll should be answered at once.
func (p *Poll) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Heard returns the spread of the newest change since Hold; false: there was none.
func (p *Poll) Heard() (spread time.Duration, heard bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spread, p.heard
}

// End makes the poll answer at once, because the flag or the revocations changed, or the gateway is leaving.
func (p *Poll) End() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.wake.Set()
}

// Polls returns the polls that are held now, in no order.
func (h *Hub) Polls() []*Poll {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.polls))
}

// ClosePolls makes Hold return nil from now on, and returns the polls that are held.
func (h *Hub) ClosePolls() []*Poll {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	return h.Polls()
}

// WakePolls makes all held polls look again: push may be down.
func (h *Hub) WakePolls() {
	for _, p := range h.Polls() {
		p.wake.Set()
	}
}
