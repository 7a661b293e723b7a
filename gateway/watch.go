package gateway

import (
	"sync"
	"time"

	"nudge/version"
)

// slot is one project of a watch.
type slot struct {
	project  version.Project
	standing standing
	told     told
	news     *frame // newest that was not taken; nil: none
}

// watch is one reader of some projects: a stream, or a held poll. The hub offers it news; the reader alone
// takes it.
type watch struct {
	wake chan struct{} // one slot; a token means that there may be something to take

	mu       sync.Mutex // guards all below
	slots    []slot     // the projects never change, their standing does
	beat     bool       // the cadence changed
	recast   bool       // the flag changed: standings are to be decided anew
	farewell *goodbye   // set once: the end

	heard  bool          // some news was offered
	spread time.Duration // of the newest of it
}

func newWatch(slots []slot) *watch { return &watch{wake: make(chan struct{}, 1), slots: slots} }

// offer leaves a frame for the reader, in place of an older one.
func (w *watch) offer(i int, f *frame) {
	w.mu.Lock()
	w.slots[i].news = f
	w.heard, w.spread = true, f.spread
	w.mu.Unlock()
	w.signal()
}

// beatNow tells the reader that the cadence changed.
func (w *watch) beatNow() {
	w.mu.Lock()
	w.beat = true
	w.mu.Unlock()
	w.signal()
}

// reconsider tells the reader that the flag changed.
func (w *watch) reconsider() {
	w.mu.Lock()
	w.recast = true
	w.mu.Unlock()
	w.signal()
}

// end asks the reader to say goodbye and leave. The first call counts.
func (w *watch) end(g goodbye) {
	w.mu.Lock()
	if w.farewell == nil {
		w.farewell = &g
	}
	w.mu.Unlock()
	w.signal()
}

func (w *watch) signal() {
	signal(w.wake)
}

// served are the projects to be listened for, each with its index.
func (w *watch) served() map[version.Project]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[version.Project]int, len(w.slots))
	for i, s := range w.slots {
		if s.standing == served {
			all[s.project] = i
		}
	}
	return all
}

// state reads a project off the board for a hello, or a poll's answer, and remembers it as told.
func (s *slot) state(b *version.Board) version.State {
	state := b.State(s.project)
	s.told = tell(state)
	return state
}

// holdLocked sorts the slots into what is said of each. What was offered before is in it.
func (w *watch) holdLocked(b *version.Board) holdings {
	h := newHoldings()
	for i := range w.slots {
		s := &w.slots[i]
		s.news = nil
		id := s.project.String()
		switch s.standing {
		case denied:
			h.Denied = append(h.Denied, id)
			continue
		case off:
			h.Off = append(h.Off, id)
			continue
		}
		switch state := s.state(b); {
		case !state.Listening:
			h.Waiting = append(h.Waiting, id)
		case state.Known:
			h.Versions[id] = state.Version
		default:
			h.Unknown = append(h.Unknown, id)
		}
	}
	return h
}

// listeningLocked tells whether all served projects are listened for.
func (w *watch) listeningLocked(b *version.Board) bool {
	for _, s := range w.slots {
		if s.standing == served && !b.State(s.project).Listening {
			return false
		}
	}
	return true
}
