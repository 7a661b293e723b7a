package gateway

import (
	"context"
	"sync"
	"time"

	"nudge/fallback"
	"nudge/gateway/pace"
	"nudge/version"
)

// hub knows who watches which project, and tells them what the board says. To it a watcher is either a
// [watch], which is one reader, or an [audience], which is all parked streams of one loop.
type hub struct {
	board  *version.Board
	source version.Source
	// linger is how long a project stays subscribed after its last use.
	linger func() time.Duration
	// most is how many projects may be listened for. What is beyond stays waiting: whoever may name any
	// project must not fill the memory with them.
	most func() int
	pace *pace.Pacer

	mu      sync.Mutex // guards all below
	topics  map[version.Project]*topic
	spare   []topic // to be used next
	watches map[*watch]struct{}
	closed  bool // drained: nobody joins any more
}

// topic is a project in use, or lingering after its last use.
type topic struct {
	project   version.Project
	watchers  map[*watch]int // each with the project's index in its slots; nil: none yet
	audiences *audience      // of the loops with streams that watch it: a list by audience.peer
	idle      time.Time      // since when there are none; zero: there are some
	window    fallback.Window
	told      version.State // delivered last
}

// streams is how many streams and held polls watch it.
func (t *topic) streams() int {
	n := len(t.watchers)
	for a := t.audiences; a != nil; a = a.peer {
		n += int(a.size.Load())
	}
	return n
}

func (t *topic) used() bool { return len(t.watchers) > 0 || t.audiences != nil }

func newHub(board *version.Board, source version.Source, linger func() time.Duration, most func() int, pacer *pace.Pacer) *hub {
	return &hub{
		board: board, source: source, linger: linger, most: most, pace: pacer,
		topics: map[version.Project]*topic{}, watches: map[*watch]struct{}{},
	}
}

// run delivers news until ctx ends.
func (h *hub) run(ctx context.Context) error {
	sweep := time.NewTicker(10 * time.Second)
	defer sweep.Stop()
	var changes []version.Change
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.board.Changed():
			changes = h.board.Take(changes[:0])
			h.deliver(changes)
			clear(changes) // what was published with them is not kept
		case now := <-sweep.C:
			h.sweep(now)
		}
	}
}

func (h *hub) deliver(changes []version.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, c := range changes {
		t := h.topics[c.Project]
		if t == nil {
			continue
		}
		advances := c.Advances(t.told)
		t.told = c.State
		if !t.used() {
			continue
		}
		spread := time.Duration(0)
		if advances { // all else is told by hellos, each with a spread of its own, or is nothing to tell
			spread = h.pace.News(&t.window, t.streams(), now)
		}
		f := newFrame(c, spread)
		for a := t.audiences; a != nil; a = a.peer {
			a.offer(f)
		}
		for w, i := range t.watchers {
			w.offer(i, f)
		}
	}
}

// join makes w hear of its served projects. False: the hub is closed.
func (h *hub) join(w *watch) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.watches[w] = struct{}{}
	h.connectLocked(w)
	return true
}

// rejoin follows a change of w's standings.
func (h *hub) rejoin(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disconnectLocked(w)
	h.connectLocked(w)
}

// leave undoes join. After it, w hears nothing more.
func (h *hub) leave(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.disconnectLocked(w)
	delete(h.watches, w)
}

// attach makes a hear of its project. Without room for one more project it does not, and the project
// stays waiting.
func (h *hub) attach(a *audience) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topicLocked(a.project); t != nil {
		a.peer = t.audiences
		t.audiences = a
	}
}

// detach undoes attach. After it, a hears nothing more.
func (h *hub) detach(a *audience) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[a.project]
	if t == nil {
		return
	}
	for at := &t.audiences; *at != nil; at = &(*at).peer {
		if *at == a {
			*at, a.peer = a.peer, nil
			break
		}
	}
	h.restLocked(t)
}

func (h *hub) connectLocked(w *watch) {
	for p, i := range w.served() {
		t := h.topics[p]
		if t == nil {
			p = p.Clone()
		}
		if t = h.topicLocked(p); t == nil {
			continue
		}
		if t.watchers == nil {
			t.watchers = map[*watch]int{}
		}
		t.watchers[w] = i
	}
}

func (h *hub) disconnectLocked(w *watch) {
	for i := range w.slots { // the projects of a watch never change, so this needs no lock of w
		if t := h.topics[w.slots[i].project]; t != nil {
			delete(t.watchers, w)
			h.restLocked(t)
		}
	}
}

// topicLocked is the topic of a project that comes into use, or stays in it; nil if there is no room. p is kept, see own.
func (h *hub) topicLocked(p version.Project) *topic {
	t := h.topics[p]
	if t == nil && !h.roomLocked() {
		return nil
	}
	if t == nil {
		t = h.newTopicLocked()
		t.project = p
		h.topics[p] = t
		h.source.Watch(p)
	}
	t.idle = time.Time{}
	return t
}

// topicsAtOnce is how many topics are made together. They live long: one by one, among what requests leave behind,
// each would keep a page of it.
const topicsAtOnce = 64

func (h *hub) newTopicLocked() *topic {
	if len(h.spare) == 0 {
		h.spare = make([]topic, topicsAtOnce)
	}
	t := &h.spare[0]
	h.spare = h.spare[1:]
	return t
}

// own is p in memory that may be kept: that of its topic, which all share, or else its own.
func (h *hub) own(p version.Project) version.Project {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[p]; t != nil {
		return t.project
	}
	return p.Clone()
}

// restLocked notes since when nobody uses a topic.
func (h *hub) restLocked(t *topic) {
	if !t.used() && t.idle.IsZero() {
		t.idle = time.Now()
	}
}

// roomLocked makes room for one more project, by forgetting one that only lingers, if there must be.
func (h *hub) roomLocked() bool {
	if len(h.topics) < h.most() {
		return true
	}
	for p, t := range h.topics {
		if !t.used() {
			delete(h.topics, p)
			h.source.Forget(p)
			return true
		}
	}
	return false
}

// sweep forgets projects that nobody has used for long.
func (h *hub) sweep(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	linger := h.linger()
	for p, t := range h.topics {
		if !t.used() && now.Sub(t.idle) >= linger {
			delete(h.topics, p)
			h.source.Forget(p)
		}
	}
}

// all are the watches that are open now, in no order.
func (h *hub) all() []*watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*watch, 0, len(h.watches))
	for w := range h.watches {
		all = append(all, w)
	}
	return all
}

// close lets nobody join any more, and returns who is there.
func (h *hub) close() (left []*watch) {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	return h.all()
}

// projects is how many are in use or lingering.
func (h *hub) projects() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics)
}

// paced does something to each of all, evenly over a time, so that what follows from it is no herd. It
// returns early when ctx ends or quit is closed.
func paced(ctx context.Context, quit <-chan struct{}, all []*watch, over time.Duration, do func(*watch)) {
	const slice = 20 * time.Millisecond // nobody notices less, and a timer for each costs more
	begun := time.Now()
	for i, w := range all {
		due := time.Duration(float64(over) * float64(i) / float64(len(all)))
		if wait := due - time.Since(begun); wait >= slice {
			select {
			case <-ctx.Done():
				return
			case <-quit:
				return
			case <-time.After(wait):
			}
		}
		do(w)
	}
}
