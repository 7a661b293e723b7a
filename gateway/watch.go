package gateway

import (
	"sync"

	"nudge/version"
)

// standing is what one project is to one caller.
type standing uint8

const (
	served standing = iota
	denied          // the token does not cover it
	off             // the flag excludes it
)

// slot is one project of a watch.
type slot struct {
	project  version.Project
	standing standing
	told     told
	news     *frame // newest that was not taken; nil: none
}

// told is what a reader was told last of a project, and so what must not be told again.
type told struct {
	version.State
	waiting bool // told that nobody listens yet
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
}

func newWatch(slots []slot) *watch { return &watch{wake: make(chan struct{}, 1), slots: slots} }

// offer leaves a frame for the reader, in place of an older one.
func (w *watch) offer(i int, f *frame) {
	w.mu.Lock()
	w.slots[i].news = f
	w.mu.Unlock()
	w.signal()
}

// tempo tells the reader that the cadence changed.
func (w *watch) tempo() {
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

// next is what follows from one offered frame for a reader that was told t.
type next uint8

const (
	nothing next = iota
	greater      // the plain frame
	lower        // the reset frame
	anew         // a hello: what was said before no longer holds
)

// follow decides what to tell of f. Versions compare only within an era; from one era to the next only
// an announced reset leads.
func (t told) follow(f *frame) next {
	switch {
	case f.Era < t.Era: // overtaken by a hello
		return nothing
	case t.waiting && f.Listening:
		return anew
	case f.Era == t.Era && f.Known && (!t.Known || f.Version > t.Version):
		return greater
	case f.Era == t.Era:
		return nothing
	case f.Era == t.Era+1 && f.Reset && t.Known:
		return lower
	}
	return anew
}

// state reads a project off the board for a hello, or a poll's answer, and remembers it as told.
func (s *slot) state(b *version.Board) version.State {
	state := b.State(s.project)
	s.told = told{State: state, waiting: !state.Listening}
	if !state.Listening { // a belief from before a gap is not said
		s.told.Known, s.told.Version = false, 0
	}
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
