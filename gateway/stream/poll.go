package stream

import (
	"maps"
	"slices"
	"sync"
	"time"

	"nudge/version"
)

// Poll is a held poll: it waits for the next change of some projects, and reads the board then.
type Poll struct {
	hub   *Hub
	links []pollLink
	wake  chan struct{} // one slot

	mu     sync.Mutex // guards all below
	heard  bool
	spread time.Duration
	ended  bool
}

// pollLink ties one project of a poll to the hub.
type pollLink struct {
	Link
	poll *Poll
}

// Hold makes a poll hear of projects. nil: the hub is closed. Release it.
func (h *Hub) Hold(projects []version.Project) *Poll {
	p := &Poll{hub: h, wake: make(chan struct{}, 1), links: make([]pollLink, len(projects))}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.polls[p] = struct{}{}
	for i, project := range projects {
		p.links[i].poll = p
		h.attachLocked(&p.links[i].Link, &p.links[i], project)
	}
	return p
}

// Release ends the poll.
func (p *Poll) Release() {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	for i := range p.links {
		p.hub.detachLocked(&p.links[i].Link)
	}
	delete(p.hub.polls, p)
}

// Offer implements [Watcher].
func (l *pollLink) Offer(f *Frame) {
	l.poll.mu.Lock()
	l.poll.heard, l.poll.spread = true, f.Spread
	l.poll.mu.Unlock()
	l.poll.signal()
}

// Size implements [Watcher].
func (l *pollLink) Size() int { return 1 }

// Wake receives a token when the poll should look again: something changed, or it should answer now.
func (p *Poll) Wake() <-chan struct{} { return p.wake }

// Ended tells whether the poll should be answered at once: the flag changed, or the gateway is leaving.
func (p *Poll) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Heard returns the spread of the newest change that the poll heard of; false: none came.
func (p *Poll) Heard() (spread time.Duration, heard bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spread, p.heard
}

func (p *Poll) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// End makes the poll be answered at once.
func (p *Poll) End() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.signal()
}

// Polls are those that are held now, in no order.
func (h *Hub) Polls() []*Poll {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.polls))
}

// Close makes the hub hold no more polls, and returns those that are held.
func (h *Hub) Close() []*Poll {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	return h.Polls()
}

// WakePolls makes all held polls look again: push may be down.
func (h *Hub) WakePolls() {
	for _, p := range h.Polls() {
		p.signal()
	}
}
