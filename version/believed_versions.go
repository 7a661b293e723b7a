package version

import (
	"slices"
	"sync"
)

// Board holds, for every watched project, the version that is believed, or that none is. A [Source] writes to it, and the
// gateway's hub reads it. All methods may be called at any time by any goroutine; none blocks.
type Board struct {
	changed Signal // Take has something

	mu      sync.Mutex // guards all below
	indices indices
	records []*[recordsAtOnce]record // by Index
	next    Index                    // the first that was never used
	free    []Index                  // of dropped projects
	dirty   []Index                  // changed since the last Take, oldest first; record.dirty says which still count
	extras  map[Index]*News          // of projects with one advance since the last Take that had more than a version
	reads   uint32                   // routine reads that began
	unheard map[Index]unheardKey     // projects whose message has not come; see Suspect
	repairs Repairs
	garbled map[Index]struct{} // projects whose last message could not be read
}

// mostUnheard bounds Board.unheard: a few are enough to know that news does not arrive.
const mostUnheard = 1000

// State is what is believed of one project.
type State struct {
	Version Version
	// Era grows with each reset, and each time that a believed version is forgotten. Within an era the version only
	// grows.
	Era uint32
	// Listening: the source is subscribed and has read the key. Otherwise the project is waiting.
	Listening bool
	// Known: Version is believed. Otherwise the project is unknown, and its pages must poll the application.
	Known bool
}

// Change is a project whose state changed since the last [Board.Take].
type Change struct {
	Project Project
	Index   Index
	State
	// Reset: the present era began with a reset. A reader of the era before may be sent the lower version. A reader of an
	// older era must be sent its whole state again.
	Reset bool
	// Advance: a reader that has all changes before is sent Version as an event, and polls for it. If Advance is false,
	// there are two cases. Either the reader needs no event: a subscription was confirmed and the version did not grow.
	// Or it needs its whole state again: it was told that the project is waiting, the version is no longer known, or the
	// version does not follow from the one that the reader has.
	Advance bool
	// Extras holds Prev, Writer, Data, Trace and Sent as published with this advance; nil if there are none, or if several advances
	// were merged.
	Extras *News
}

// Key is the content of a project's key.
type Key struct {
	Version Version
	Known   bool // false: no key, or none that holds a version
}

// NewBoard returns an empty board.
func NewBoard() *Board {
	b := &Board{
		changed: NewSignal(), extras: map[Index]*News{}, next: 1, unheard: map[Index]unheardKey{}, garbled: map[Index]struct{}{},
	}
	b.indices = newIndices(func(i Index) string { return b.at(i).project.id })
	return b
}

// Changed returns a channel that gets a token when [Board.Take] may return something. Only one reader may use it.
func (b *Board) Changed() <-chan struct{} { return b.changed }

// takeMost is how many changes Take returns at a time. When a subscription is confirmed, all projects change. To take 100,000
// at once would lock the board for long, and the caller would keep a buffer of this size.
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
		b.changed.Set()
	case cap(left) > takeMost:
		b.dirty = nil // frees its memory
	default:
		b.dirty = left
	}
	return buf
}

// State returns the state of p; the zero State if p is not on the board.
func (b *Board) State(p Project) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		return b.at(i).state()
	}
	return State{}
}

// Len returns how many projects are on the board.
func (b *Board) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.indices.used
}

// Index returns the index of p; false: p is not on the board.
func (b *Board) Index(p Project) (Index, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	return i, i != 0
}

// Project returns the project with this index; zero if there is none.
func (b *Board) Project(i Index) Project {
	p, _ := b.At(i)
	return p
}

// At returns the project with this index and its state; zero if there is none.
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

// Clear forgets the state of p, which is waiting then. A source calls it when it is no longer subscribed to p.
func (b *Board) Clear(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		*b.at(i) = record{project: b.at(i).project}
		b.forgetLocked(i)
	}
}

// Drop removes p and its state from the board. No source may be subscribed to p.
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
	b.forgetLocked(i)
}

// forgetLocked forgets what is kept beside the record of a project.
func (b *Board) forgetLocked(i Index) {
	delete(b.extras, i)
	delete(b.unheard, i)
	delete(b.garbled, i)
}

// Message takes news of a publisher. Its version is believed if none is, if it is greater, or if it is a reset.
func (b *Board) Message(n News) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(n.Project)
	if i == 0 {
		return
	}
	r := b.at(i)
	delete(b.garbled, i)
	if u, ok := b.unheard[i]; ok && (n.Reset || n.Version >= u.version) {
		delete(b.unheard, i)
	}
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
	if r.advances == 1 && !n.Reset && (n.Prev != nil || n.Writer != "" || n.Trace != "" || !n.Sent.IsZero()) {
		extras := n // copied to the heap only here, so a bare number never is
		b.extras[i] = &extras
	}
}

// Garbled notes that a message of p came that could not be read. Its news may be in the key, and is no news that did not
// arrive.
func (b *Board) Garbled(p Project) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, _ := b.indices.find(p); i != 0 {
		b.garbled[i] = struct{}{}
		delete(b.unheard, i)
	}
}

// Gap notes that the subscription broke: no project is listened for until it is confirmed again. Until then a believed version
// stays believed, since a short gap mostly loses nothing. An exception is a version that came after an earlier gap and before
// its confirmation: it may be from another data set.
func (b *Board) Gap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.unheard)
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

// Confirm notes that the source is subscribed to p (again) and has read its key afterwards. dataSet is the number of the data
// set that was read (0: unknown). After a gap a version stays believed only if the data set is the same, and if the key is not
// below the version. If a reset came meanwhile, the key must also hold it: any other reset may be older or newer than the read.
// Otherwise the version is forgotten.
func (b *Board) Confirm(p Project, key Key, dataSet uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	if i == 0 {
		return
	}
	r := b.at(i)
	before := r.state()
	if r.confirm(key, dataSet); before.Known && r.known && r.era == before.Era && r.version > before.Version {
		b.repairs.Gap++
	}
	b.mark(i, r)
}

// BeginRead returns a number for [Board.Routine]. Call it before a routine read of keys is sent.
func (b *Board) BeginRead() uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	return b.reads
}

// Routine takes p's key from a routine read, since news may be lost without a gap. It ignores the key if the project changed
// since the read began. A greater key is news. A key below both the believed version and the last key is a reset. A key below
// the believed version alone is from a publisher that never writes keys. If no version is believed, only a key that has changed
// is news.
func (b *Board) Routine(p Project, key Key, read uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, _ := b.indices.find(p)
	if i == 0 || !key.Known {
		return
	}
	r := b.at(i)
	if !r.listening || r.read >= read {
		return
	}
	newer := r.known && key.Version > r.version
	if !r.routine(key.Version) {
		return
	}
	_, garbled := b.garbled[i]
	if newer && !garbled {
		b.unheardLocked(i, key.Version)
	}
	b.mark(i, r)
}

func (b *Board) at(i Index) *record { return &b.records[i/recordsAtOnce][i%recordsAtOnce] }

// mark adds a project to those that Take returns, and wakes the reader.
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
	b.changed.Set()
}
