package version

import "sync"

// Board holds what is believed of every watched project: one number each, or nothing. A [Source]
// writes to it, and whoever tells the browsers reads it. All methods may be called at any time by
// anybody; none blocks.
type Board struct {
	changed chan struct{} // one slot; a token means that Take has something

	mu      sync.Mutex // guards all below
	entries map[Project]*entry
	spare   []entry   // to be used next
	dirty   []Project // projects to Take, oldest change first; entry.dirty says who is in it
	clock   uint64    // counts changes of entries, so that a late read can tell that it is late
}

// entriesAtOnce is how many entries are made together.
const entriesAtOnce = 64

// entry is one project on the board. What is believed of it is a number, or nothing (unknown).
type entry struct {
	State
	base    State   // the belief when the gap began that is not confirmed yet
	kept    Version // the last number read from the key
	origin  uint64  // history of the data set that base was confirmed in; 0: none
	touched uint64  // Board.clock at the last change
	extras  *News   // what came with the one advance since the last Take

	hasKept bool
	heard   bool // whether the source ever confirmed this project
	dirty   bool
	reset   bool // State.Era was begun by a reset of a known version
	merged  bool // more than one advance since the last Take
}

// State is what is believed of one project.
type State struct {
	// Listening: the source is subscribed, and the key has been read. Otherwise the project is waiting.
	Listening bool
	// Known: Version is believed. Otherwise the project is unknown: whoever shows it must ask the application.
	Known   bool
	Version Version
	// Era counts the breaks in what is believed: a reset, a version that had to be forgotten. Within
	// an era the version only grows.
	Era uint64
}

// Change is a project whose state moved since the last [Board.Take].
type Change struct {
	Project Project
	State
	// Reset: the present era follows the one before by a reset, so that a reader of that one may be told
	// the lower version. A reader of an older era must be told everything anew.
	Reset bool
	// Extras holds Prev, Writer and Data as they were published with this advance; nil if it has none or
	// several advances were merged.
	Extras *News
}

// Advances reports whether c is an advance to readers who were last told last of it: they are sent c's version
// as an event, and poll for it. Whatever else a change is, readers need no event for it (a subscription that was
// confirmed, a version that is not greater), or need everything anew: they were told that nobody listens yet, the
// version is not known any more, or it does not follow from the one that they know.
func (c Change) Advances(last State) bool {
	switch {
	case !c.Known, c.Listening && !last.Listening:
		return false
	case c.Era == last.Era:
		return !last.Known || c.Version > last.Version
	}
	return c.Reset && last.Known && c.Era == last.Era+1
}

// Key is what was read of a project's key.
type Key struct {
	Version Version
	Known   bool // false: no key, or none that holds a version
}

// NewBoard returns an empty board.
func NewBoard() *Board {
	return &Board{changed: make(chan struct{}, 1), entries: map[Project]*entry{}}
}

// Changed receives a token when there may be something to [Board.Take]. One reader only.
func (b *Board) Changed() <-chan struct{} { return b.changed }

// Take appends to buf every project that changed since the last call, once each, with its newest state.
func (b *Board) Take(buf []Change) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.dirty {
		e := b.entries[p]
		if e == nil || !e.dirty { // forgotten, and perhaps watched again, meanwhile
			continue
		}
		c := Change{Project: p, State: e.State, Reset: e.reset, Extras: e.extras}
		e.dirty, e.merged, e.extras = false, false, nil
		buf = append(buf, c)
	}
	clear(b.dirty)
	b.dirty = b.dirty[:0]
	return buf
}

// State is what is believed of p now; the zero State if nobody watches it.
func (b *Board) State(p Project) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entries[p]; e != nil {
		return e.State
	}
	return State{}
}

// Open begins an entry for p, waiting. For sources. A second call changes nothing.
func (b *Board) Open(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries[p] != nil {
		return
	}
	// Together, since they live long: one by one, among what requests leave behind, each would keep a page of it.
	if len(b.spare) == 0 {
		b.spare = make([]entry, entriesAtOnce)
	}
	b.entries[p] = &b.spare[0]
	b.spare = b.spare[1:]
}

// Drop drops all that is known of p. For sources, when they no longer listen for it.
func (b *Board) Drop(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, p)
}

// Message is news that came from a publisher: believed if nothing is, or if it is greater; a reset always.
func (b *Board) Message(n News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[n.Project]
	switch {
	case e == nil:
	case n.Reset:
		e.kept, e.hasKept = n.Version, true
		b.resetLocked(n.Project, e, n.Version)
	case !e.Known || n.Version > e.Version:
		b.advanceLocked(n.Project, e, n.Version)
		if (n.Prev != nil || n.Writer != "") && !e.merged {
			extras := n // only now, so that a bare number is never copied to the heap
			e.extras = &extras
		}
	}
}

// Gap tells that the subscription broke: nothing is listened for until it is confirmed again. What is
// believed stays believed until then, since a short break mostly loses nothing; but not what was heard
// since an earlier gap that was never confirmed: nobody can tell which history that came from.
func (b *Board) Gap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.entries {
		if !e.Listening && e.Known && e.State != e.base {
			e.forget()
		}
		if e.Listening {
			e.Listening = false
			e.base = e.State
		}
	}
}

// forget makes the project unknown.
func (e *entry) forget() {
	e.Known, e.Version, e.reset, e.extras = false, 0, false, nil
	e.Era++
}

// Confirm tells that the source listens for p (again) and has read its key afterwards. Origin names the
// history of the data set that was read (0: could not be told): a belief survives a gap only within
// one history, if the key has not fallen below it, and if no reset came meanwhile but one that the key holds:
// another may be older or newer than what was read. Otherwise it is forgotten.
func (b *Board) Confirm(p Project, key Key, origin uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[p]
	if e == nil {
		return
	}
	e.Listening = true
	first := !e.heard
	same := origin != 0 && origin == e.origin
	e.heard, e.origin = true, origin
	e.kept, e.hasKept = key.Version, key.Known
	switch {
	case first && e.Known:
		// Messages overtook the read of the key: a reset holds (the era tells), of numbers the greater.
		if key.Known && key.Version > e.Version && e.Era == 0 {
			b.advanceLocked(p, e, key.Version)
		}
	case first && key.Known:
		b.advanceLocked(p, e, key.Version)
	case first:
	case same && e.Era == e.base.Era && e.base.Known && key.Known && key.Version >= e.base.Version:
		// Compared with what was believed before the gap: what was heard since may have overtaken the read.
		if key.Version > e.Version {
			b.advanceLocked(p, e, key.Version)
		}
	case same && e.Known && key.Known && key.Version == e.Version:
		// A reset came meanwhile, and the key holds it.
	default:
		e.forget()
	}
	b.markLocked(p, e)
}

// Clock is to be read before a routine read of keys is sent, and given to [Board.Routine] with its answer.
func (b *Board) Clock() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// Routine is a read of p's key without a cause, against news that was lost unseen. It is ignored if the
// entry changed since the read was sent. A greater key is news. One below both the belief and what the
// key held before is a reset; below the belief alone it is a publisher that never writes keys. Where
// nothing is believed only a key that has changed is news.
func (b *Board) Routine(p Project, key Key, sent uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[p]
	if e == nil || !e.Listening || e.touched > sent || !key.Known {
		return
	}
	kept, hasKept := e.kept, e.hasKept
	e.kept, e.hasKept = key.Version, true
	switch {
	case !e.Known && (!hasKept || key.Version != kept):
		b.advanceLocked(p, e, key.Version)
	case !e.Known:
	case key.Version > e.Version:
		b.advanceLocked(p, e, key.Version)
	case key.Version < e.Version && hasKept && key.Version < kept:
		b.resetLocked(p, e, key.Version)
	}
}

// advanceLocked makes v, which goes up from what was believed, the belief.
func (b *Board) advanceLocked(p Project, e *entry, v Version) {
	e.Known, e.Version = true, v
	e.merged = e.merged || e.dirty
	e.extras = nil
	b.markLocked(p, e)
}

// resetLocked makes v, which may be lower than what was believed, the belief, in an era of its own.
func (b *Board) resetLocked(p Project, e *entry, v Version) {
	e.reset = e.Known
	e.Known, e.Version = true, v
	e.Era++
	e.merged, e.extras = e.merged || e.dirty, nil
	b.markLocked(p, e)
}

// markLocked puts p among what Take returns, and wakes its caller.
func (b *Board) markLocked(p Project, e *entry) {
	b.clock++
	e.touched = b.clock
	if e.dirty {
		return
	}
	e.dirty = true
	b.dirty = append(b.dirty, p)
	select {
	case b.changed <- struct{}{}:
	default:
	}
}
