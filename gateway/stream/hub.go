package stream

import (
	"context"
	"sync"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// HubOptions are the options of [NewHub]. All are needed. The funcs are called while the hub is locked: they must not
// block, nor call the hub.
type HubOptions struct {
	Board  *version.Board
	Source version.Source
	// Linger is how long the source listens for a project after its last use.
	Linger func() time.Duration
	// Projects is how many the source may listen for. The others wait for their turn: whoever may name any project must
	// not fill the memory of Redis.
	Projects func() int
	// Spread is the time over which the watchers of a project come to poll for its change: as many of ours as that, and
	// those at other gateways.
	Spread func(w *fallback.Window, own int, now time.Time) time.Duration
}

// Hub knows who watches which project, and tells them what the board says. All methods may be called by anybody at any
// time.
type Hub struct {
	opt HubOptions

	mu        sync.Mutex // guards all below, and the links of all watchers
	topics    map[version.Project]*topic
	spare     []topic // to be used next
	listening int     // topics that the source listens for: all but those in waiting
	waiting   queue   // in use, but there was no room: the source does not listen for them yet
	lingering queue   // not in use; the source still listens
	polls     map[*Poll]struct{}
	closed    bool
}

// NewHub returns a hub without watchers.
func NewHub(opt HubOptions) *Hub {
	return &Hub{opt: opt, topics: map[version.Project]*topic{}, polls: map[*Poll]struct{}{}}
}

// Run delivers changes until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	sweep := time.NewTicker(10 * time.Second)
	defer sweep.Stop()
	var changes []version.Change
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.opt.Board.Changed():
			changes = h.opt.Board.Take(changes[:0])
			h.Deliver(changes)
			clear(changes) // what was published with them is not kept
		case now := <-sweep.C:
			h.sweep(now)
		}
	}
}

// Deliver offers changes to those who watch.
func (h *Hub) Deliver(changes []version.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, c := range changes {
		t := h.topics[c.Project]
		if t == nil || t.watchers == nil {
			continue
		}
		var spread time.Duration
		if c.Advance { // everything else makes nobody poll, or is told by hellos, which have a spread of their own
			spread = h.opt.Spread(&t.window, t.size(), now)
		}
		f := NewFrame(c, spread)
		for l := t.watchers; l != nil; l = l.next {
			l.watcher.Offer(f)
		}
	}
}

// State is what the board believes of a project.
func (h *Hub) State(p version.Project) version.State { return h.opt.Board.State(p) }

// Attach makes w hear of a project from now on, and returns the project in memory that may be kept. If the source listens
// for as many projects as it may, the project waits until there is room, in the order of asking.
func (h *Hub) Attach(l *Link, w Watcher, p version.Project) version.Project {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.attachLocked(l, w, p)
}

func (h *Hub) attachLocked(l *Link, w Watcher, p version.Project) version.Project {
	t := h.topics[p]
	if t == nil {
		t = h.newTopicLocked()
		t.project = p.Clone()
		h.topics[t.project] = t
		h.waiting.push(t)
		h.fillLocked()
	} else if t.queue == &h.lingering {
		h.lingering.remove(t)
	}
	t.add(l, w)
	return t.project
}

// Detach undoes Attach. After it, the watcher hears nothing more. Without an Attach it does nothing.
func (h *Hub) Detach(l *Link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.detachLocked(l)
}

func (h *Hub) detachLocked(l *Link) {
	t := l.topic
	if t == nil {
		return
	}
	t.remove(l)
	switch {
	case t.watchers != nil:
	case t.queue == &h.waiting: // the source does not know it
		h.waiting.remove(t)
		delete(h.topics, t.project)
	default:
		t.idle = time.Now().Unix()
		h.lingering.push(t)
		h.fillLocked()
	}
}

// Fill makes the source listen for the projects that wait, after the limit was raised.
func (h *Hub) Fill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fillLocked()
}

// fillLocked makes the source listen for the projects that wait, as far as there is room. A project that lingers makes
// room for one that is used. It costs nothing while nobody waits, and nothing while there is no room.
func (h *Hub) fillLocked() {
	for most := h.opt.Projects(); h.waiting.head != nil; {
		if h.listening >= most {
			if h.lingering.head == nil {
				return
			}
			h.forgetLocked(h.lingering.head)
			continue
		}
		t := h.waiting.head
		h.waiting.remove(t)
		h.listening++
		h.opt.Source.Watch(t.project)
	}
}

// forgetLocked ends a topic that lingers.
func (h *Hub) forgetLocked(t *topic) {
	h.lingering.remove(t)
	h.listening--
	delete(h.topics, t.project)
	h.opt.Source.Forget(t.project)
}

// sweep forgets the projects that lingered long enough.
func (h *Hub) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := now.Add(-h.opt.Linger()).Unix()
	for t := h.lingering.head; t != nil && t.idle <= last; t = h.lingering.head {
		h.forgetLocked(t)
	}
	h.fillLocked() // the limit may be another by now
}

// topicsAtOnce is how many topics are made together. They live long: if each were made alone, among what requests leave
// behind, each would keep a page of it in memory.
const topicsAtOnce = 64

func (h *Hub) newTopicLocked() *topic {
	if len(h.spare) == 0 {
		h.spare = make([]topic, topicsAtOnce)
	}
	t := &h.spare[0]
	h.spare = h.spare[1:]
	return t
}

// Projects is how many projects are in use, or were not long ago.
func (h *Hub) Projects() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics)
}
