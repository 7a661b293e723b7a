package stream

import (
	"context"
	"math/bits"
	"sync"
	"time"

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
	Spread func(i version.Index, own int, now time.Time) time.Duration
}

// Watcher is told of changes. There are two: a loop, which is all its streams, and a [Poll].
type Watcher interface {
	// Offer leaves a frame of a project, in place of an older one that was not taken. It must not block, nor call the hub.
	Offer(version.Index, *Frame)
}

// Hub knows who watches which project, and tells them what the board says. All methods may be called by anybody at any
// time.
type Hub struct {
	opt HubOptions

	mu        sync.Mutex // guards all below
	loops     []Watcher
	topics    []*[topicsAtOnce]topic // by index
	listening int                    // topics that the source listens for
	waiting   queue
	lingering queue
	held      map[version.Index][]*Poll // those that watch a project
	polls     map[*Poll]struct{}
	closed    bool
}

// NewHub returns a hub without watchers.
func NewHub(opt HubOptions) *Hub {
	return &Hub{opt: opt, held: map[version.Index][]*Poll{}, polls: map[*Poll]struct{}{}}
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
		if h.opt.Board.Project(c.Index) != c.Project { // it was dropped meanwhile, and another has its index
			continue
		}
		t := h.at(c.Index)
		if t.watches == 0 {
			continue
		}
		var spread time.Duration
		if c.Advance { // everything else makes nobody poll, or is told by hellos, which have a spread of their own
			spread = h.opt.Spread(c.Index, int(t.watches), now)
		}
		f := NewFrame(c, spread)
		for loops := t.loops; loops != 0; loops &= loops - 1 {
			h.loops[bits.TrailingZeros64(loops)].Offer(c.Index, f)
		}
		for _, p := range h.held[c.Index] {
			p.Offer(c.Index, f)
		}
	}
}

// At is a project by its index, and what the board believes of it.
func (h *Hub) At(i version.Index) (version.Project, version.State) { return h.opt.Board.At(i) }

// Open returns the index of a project, which is good until Close.
func (h *Hub) Open(p version.Project) version.Index {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.openLocked(p)
}

func (h *Hub) openLocked(p version.Project) version.Index {
	i, known := h.opt.Board.Index(p)
	if !known {
		i = h.opt.Board.Open(p.Clone()) // p may be a part of a whole request
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

// dropLocked takes a topic that nobody needs off the board.
func (h *Hub) dropLocked(i version.Index) {
	if t := h.at(i); t.names == 0 && t.phase == named {
		*t = topic{}
		h.opt.Board.Drop(h.opt.Board.Project(i))
	}
}

// Watch counts one more stream of a loop that watches a project; first: it had none. If the source listens for as many
// projects as it may, the project waits until there is room, in the order of asking.
func (h *Hub) Watch(i version.Index, loop int, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if first {
		h.at(i).loops |= 1 << loop
	}
	h.watchLocked(i)
}

func (h *Hub) watchLocked(i version.Index) {
	t := h.at(i)
	t.watches++
	switch t.phase {
	case named:
		t.phase = waiting
		h.push(&h.waiting, i)
		h.fillLocked()
	case lingering:
		t.phase = listening
		h.unqueue(&h.lingering, i)
	case waiting, listening:
	}
}

// Unwatch undoes Watch; last: the loop has no other. It is offered nothing of the project then.
func (h *Hub) Unwatch(i version.Index, loop int, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last {
		h.at(i).loops &^= 1 << loop
	}
	h.unwatchLocked(i)
}

func (h *Hub) unwatchLocked(i version.Index) {
	t := h.at(i)
	if t.watches--; t.watches > 0 {
		return
	}
	if t.phase == waiting { // the source does not know it
		t.phase = named
		h.unqueue(&h.waiting, i)
		return
	}
	t.phase, t.idle = lingering, uint32(time.Now().Unix())
	h.push(&h.lingering, i)
	h.fillLocked()
}

// Fill makes the source listen for the projects that wait, after the limit was raised.
func (h *Hub) Fill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fillLocked()
}

// fillLocked makes the source listen for the projects that wait, as far as there is room. A project that lingers makes
// room for one that is watched. It costs nothing while nobody waits, and nothing while there is no room.
func (h *Hub) fillLocked() {
	for most := h.opt.Projects(); h.waiting.head != 0; {
		if h.listening >= most {
			if h.lingering.head == 0 {
				return
			}
			h.forgetLocked(h.lingering.head)
			continue
		}
		i := h.waiting.head
		h.unqueue(&h.waiting, i)
		h.at(i).phase = listening
		h.listening++
		h.opt.Source.Watch(h.opt.Board.Project(i))
	}
}

// forgetLocked ends a topic that lingers.
func (h *Hub) forgetLocked(i version.Index) {
	h.unqueue(&h.lingering, i)
	h.at(i).phase = named
	h.listening--
	h.opt.Source.Forget(h.opt.Board.Project(i))
	h.dropLocked(i)
}

// sweep forgets the projects that lingered long enough.
func (h *Hub) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := now.Add(-h.opt.Linger()).Unix()
	for i := h.lingering.head; i != 0 && int64(h.at(i).idle) <= last; i = h.lingering.head {
		h.forgetLocked(i)
	}
	h.fillLocked() // the limit may be another by now
}

// Projects is how many projects are in use, or were not long ago.
func (h *Hub) Projects() int { return h.opt.Board.Len() }
