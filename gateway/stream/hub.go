package stream

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"nudge/version"
)

// HubOptions are the options of [NewHub]. All but Received are needed. The funcs are called while the hub is locked: they must not
// block, nor call the hub.
type HubOptions struct {
	Board  *version.Board
	Source version.Source
	// Linger is how long the source listens for a project after its last use.
	Linger func() time.Duration
	// Projects is how many projects the source may listen for. Further ones wait, so that a caller who may name any project
	// cannot fill the memory of Redis.
	Projects func() int
	// Tabs is how many extra watchers of one caller count for each project.
	Tabs int
	// Spread returns the time over which the watchers of a project poll for its change. own is how many of them are here and
	// count, 1 at least; there are more at other gateways.
	Spread func(i version.Index, own int, now time.Time) time.Duration
	// Received is called with each change that has watchers, and a trace or the time at which it was sent. It returns the trace
	// that pages get, and what Frame.Delivered is.
	Received func(version.Change) (page version.Trace, delivered func())
}

// Watcher gets the changes of projects. A loop is one, for all its streams, and so is a [Poll].
type Watcher interface {
	// Offer leaves a frame of a project, in place of an older one that was not taken. The hub holds its lock: Offer must not
	// block, nor call the hub.
	Offer(version.Index, *Frame)
}

// Hub knows who watches which project, and offers them the changes of the board. It is safe for concurrent use.
type Hub struct {
	opt HubOptions

	mu        sync.Mutex // guards all below
	loops     []Watcher
	topics    []*[topicsAtOnce]topic // by index
	listening int                    // topics that the source listens for
	waiting   queue
	lingering queue
	held      map[version.Index][]*Poll // by the projects that they watch
	extra     extras
	polls     map[*Poll]struct{}
	closed    bool
	since     time.Time // since when topics count advances
	turned    time.Time // when they last began a new half hour
}

// NewHub returns a hub without watchers.
func NewHub(opt HubOptions) *Hub {
	now := time.Now()
	return &Hub{
		opt: opt, held: map[version.Index][]*Poll{}, polls: map[*Poll]struct{}{}, extra: newExtras(opt.Tabs), since: now, turned: now,
	}
}

// MostLoops is how many loops may join a hub.
const MostLoops = 64

// Join adds a loop, and returns its number among the loops.
func (h *Hub) Join(w Watcher) (loop int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loops = append(h.loops, w)
	return len(h.loops) - 1
}

// Run delivers changes until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	sweep := time.NewTicker(10 * time.Second)
	defer sweep.Stop()
	turn := time.NewTicker(countedFor)
	defer turn.Stop()
	var changes []version.Change
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.opt.Board.Changed():
			changes = h.opt.Board.Take(changes[:0])
			h.Deliver(changes)
			clear(changes) // so that published extras can be freed
		case now := <-sweep.C:
			h.sweep(now)
		case now := <-turn.C:
			h.turn(now)
		}
	}
}

// Deliver offers each change to the watchers of its project.
func (h *Hub) Deliver(changes []version.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, c := range changes {
		if h.opt.Board.Project(c.Index) != c.Project { // the project was dropped meanwhile, and another has its index
			continue
		}
		t := h.at(c.Index)
		if t.watches == 0 {
			continue
		}
		var spread time.Duration
		if c.Advance { // other changes make nobody poll, or lead to hellos, which have their own spread
			t.now++
			spread = h.opt.Spread(c.Index, max(1, int(t.watches)-h.extra.over[c.Index]), now)
		}
		var page version.Trace
		var delivered func()
		if x := c.Extras; h.opt.Received != nil && x != nil && (x.Trace != "" || !x.Sent.IsZero()) {
			page, delivered = h.opt.Received(c)
		}
		f := NewFrame(c, spread, page)
		f.Made, f.Delivered = now, delivered
		for loops := t.loops; loops != 0; loops &= loops - 1 {
			h.loops[bits.TrailingZeros64(loops)].Offer(c.Index, f)
		}
		for _, p := range h.held[c.Index] {
			p.Offer(c.Index, f)
		}
	}
}

// At returns the project with an index, and what the board believes of it.
func (h *Hub) At(i version.Index) (version.Project, version.State) { return h.opt.Board.At(i) }

// Open returns the index of a project, which stays valid until Close. Call Close once for each Open.
func (h *Hub) Open(p version.Project) version.Index {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.openLocked(p)
}

func (h *Hub) openLocked(p version.Project) version.Index {
	i, known := h.opt.Board.Index(p)
	if !known {
		i = h.opt.Board.Open(p.Clone()) // p may keep the memory of a whole request
	}
	for int(i/topicsAtOnce) >= len(h.topics) {
		h.topics = append(h.topics, new([topicsAtOnce]topic))
	}
	h.at(i).names++
	return i
}

// Close undoes Open.
func (h *Hub) Close(i version.Index) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closeLocked(i)
}

func (h *Hub) closeLocked(i version.Index) {
	h.at(i).names--
	h.dropLocked(i)
}

// dropLocked removes a topic from the board if nothing names it and the source does not listen for it.
func (h *Hub) dropLocked(i version.Index) {
	if t := h.at(i); t.names == 0 && t.phase == named {
		*t = topic{}
		h.opt.Board.Drop(h.opt.Board.Project(i))
	}
}

// New returns how many of these projects are neither in use, nor were a short time ago.
func (h *Hub) New(projects []version.Project) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range projects {
		if _, known := h.opt.Board.Index(p); !known {
			n++
		}
	}
	return n
}

// Projects returns how many projects are in use, or were a short time ago.
func (h *Hub) Projects() int { return h.opt.Board.Len() }
