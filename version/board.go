package version

import (
	"slices"
	"sync"
)

// Board holds what is believed of every watched project: a version, or nothing. A [Source] writes to it, and whoever
// tells the browsers reads it. All methods may be called at any time by any goroutine; none blocks.
type Board struct {
	changed chan struct{} // one slot; a token means that Take has something

	mu      sync.Mutex // guards all below
	indices indices
	records []*[recordsAtOnce]record // by Index
	next    Index                    // the first that was never used
	free    []Index                  // of dropped projects
	dirty   []Index                  // changed since the last Take, oldest first; record.dirty says which still count
	extras  map[Index]*News          // of projects with one advance since the last Take that was more than a number
	reads   uint32                   // routine reads that began
}

// State is what is believed of one project.
type State struct {
	Version Version
	// Era counts the breaks in what is believed: a reset, a version that had to be forgotten. Within
	// an era the version only grows.
	Era uint32
	// Listening: the source is subscribed, and the key has been read. Otherwise the project is waiting.
	Listening bool
	// Known: Version is believed. Otherwise the project is unknown: whoever shows it must ask the application.
	Known bool
}

// Change is a project whose state moved since the last [Board.Take].
type Change struct {
	Project Project
	Index   Index
	State
	// Reset: the present era follows the one before by a reset, so that a reader of that one may be told
	// the lower version. A reader of an older era must be told everything anew.
	Reset bool
	// Advance: readers who were told all changes before are sent Version as an event, and poll for it. Otherwise they
	// need no event (a subscription was confirmed, the version did not grow), or need everything anew: they were
	// told that nobody listens, the version is not known any more, or it does not follow from the one they know.
	Advance bool
	// Extras holds Prev, Writer and Data as they were published with this advance; nil if it has none or
	// several advances were merged.
	Extras *News
}

// Key is what was read of a project's key.
type Key struct {
	Version Version
	Known   bool // false: no key, or none that holds a version
}

// NewBoard returns an empty board.
func NewBoard() *Board {
	b := &Board{changed: make(chan struct{}, 1), extras: map[Index]*News{}, next: 1}
	b.indices = newIndices(func(i Index) string { return b.at(i).project.id })
	return b
}

// Changed receives a token when there may be something to [Board.Take]. One reader only.
func (b *Board) Changed() <-chan struct{} { return b.changed }

// takeMost is how many changes are taken at a time. When a subscription is confirmed all projects change: to take
// 100,000 at once would lock the board for long, and the caller would keep a buffer for as many.
const takeMost = 1000

// Take appends to buf projects that changed since the last call, once each, oldest change first, with their newest
// states. If there are more than 1,000, the others are left for the next call, for which Changed has a token.
func (b *Board) Take(buf []Change) []Change {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.dirty), takeMost)
	for _, i := range b.dirty[:n] {
		r := b.at(i)
		if !r.dirty { // dropped; or its index was used again, and is in dirty twice
			continue
		}
		buf = append(buf, Change{
			Project: r.project, Index: i, State: r.state(), Reset: r.reset, Advance: r.advance(), Extras: b.extras[i],
		})
		delete(b.extras, i)
		r.taken()
	}
	switch left := slices.Delete(b.dirty, 0, n); {
	case len(left) > 0:
		b.dirty = left
		b.wake()
	case cap(left) > takeMost:
		b.dirty = nil // frees its memory
	default:
		b.dirty = left
	}
	return buf
}

// State is what is believed of p now; the zero State if nobody watches it.
func (b *Board) State(p Project) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		return b.at(i).state()
	}
	return State{}
}

// Len is how many projects are on the board.
func (b *Board) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.indices.used
}

// Index is the index of p; false: it is not on the board.
func (b *Board) Index(p Project) (Index, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	return i, i != 0
}

// Project is the project with this index; zero if there is none.
func (b *Board) Project(i Index) Project {
	p, _ := b.At(i)
	return p
}

// At is the project with this index, and what is believed of it; zero if there is none.
func (b *Board) At(i Index) (Project, State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i == 0 || i >= b.next {
		return Project{}, State{}
	}
	r := b.at(i)
	return r.project, r.state()
}

// Open puts p on the board, waiting, and returns its index. A second call changes nothing.
func (b *Board) Open(p Project) Index {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		return i
	}
	i := b.next
	if last := len(b.free) - 1; last >= 0 {
		i = b.free[last]
		b.free = b.free[:last]
	} else {
		b.next++
		if int(i/recordsAtOnce) == len(b.records) {
			b.records = append(b.records, new([recordsAtOnce]record))
		}
	}
	b.at(i).project = p
	b.indices.add(p, i)
	return i
}

// Clear drops all that is known of p, which is waiting then. For sources, when they no longer listen for it.
func (b *Board) Clear(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		*b.at(i) = record{project: b.at(i).project}
		delete(b.extras, i)
	}
}

// Drop takes p off the board, with all that is known of it. No source may listen for it.
func (b *Board) Drop(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, slot := b.indices.find(p)
	if i == 0 {
		return
	}
	b.indices.remove(slot)
	*b.at(i) = record{}
	b.free = append(b.free, i)
	delete(b.extras, i)
}

// Message is news that came from a publisher: believed if nothing is, or if it is greater; a reset always.
func (b *Board) Message(n News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(n.Project)
	if i == 0 {
		return
	}
	r := b.at(i)
	switch {
	case n.Reset:
		if r.listening {
			r.lastKey, r.lastKeyKnown = n.Version, true
		}
		r.restart(n.Version)
	case !r.known || n.Version > r.version:
		r.move(n.Version)
	default:
		return
	}
	b.mark(i, r)
	if r.advances == 1 && !n.Reset && (n.Prev != nil || n.Writer != "") {
		extras := n // copied to the heap only here, so a bare number never is
		b.extras[i] = &extras
	}
}

// Gap tells that the subscription broke: nothing is listened for until it is confirmed again. What is
// believed stays believed until then, since a short break mostly loses nothing; but not what was heard
// since an earlier gap that was never confirmed: nobody can tell which history that came from.
func (b *Board) Gap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := Index(1); i < b.next; i++ {
		switch r := b.at(i); {
		case r.listening:
			r.gap()
		case r.gapNews:
			r.forget()
			delete(b.extras, i)
		}
	}
}

// Confirm tells that the source listens for p (again) and has read its key afterwards. DataSet is the number of the
// data set that was read (0: unknown). A belief survives a gap only within one data set, if the key has not fallen below
// it, and if no reset came meanwhile except one that the key holds: another may be older or newer than the read.
// Otherwise the belief is forgotten.
func (b *Board) Confirm(p Project, key Key, dataSet uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	if i == 0 {
		return
	}
	r := b.at(i)
	r.confirm(key, dataSet)
	b.mark(i, r)
}

// BeginRead returns a number for [Board.Routine]. Call it before a routine read of keys is sent.
func (b *Board) BeginRead() uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	return b.reads
}

// Routine takes p's key as a routine read found it, since news may be lost without a gap. It is ignored if the
// project changed since the read began. A greater key is news. A key below both the belief and the last key is a
// reset; one below the belief alone is from a publisher that never writes keys. If nothing is believed, only a
// key that has changed is news.
func (b *Board) Routine(p Project, key Key, read uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	if i == 0 || !key.Known {
		return
	}
	if r := b.at(i); r.listening && r.read < read && r.routine(key.Version) {
		b.mark(i, r)
	}
}

func (b *Board) at(i Index) *record { return &b.records[i/recordsAtOnce][i%recordsAtOnce] }

// mark puts a project among what Take returns, and wakes its caller.
func (b *Board) mark(i Index, r *record) {
	r.read = b.reads
	if r.advances != 1 || !r.known {
		delete(b.extras, i)
	}
	if r.dirty {
		return
	}
	r.dirty = true
	b.dirty = append(b.dirty, i)
	b.wake()
}

func (b *Board) wake() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}
