package version

// recordsAtOnce is how many records are allocated together: 8 KiB. They live long. Allocated
// alone, each would keep a page of otherwise free memory in use.
const recordsAtOnce = 146

// record is one project on the board. There may be hundreds of thousands, so it is small. Board.mu guards it.
type record struct {
	project Project // zero: this index is not in use
	version Version // believed, if known
	// lastKey is what the project's key held when it was last read. From a gap until the confirmation it is the version
	// that was believed at the beginning of the gap: the two are never needed at the same time.
	lastKey Version
	era     uint32
	dataSet uint32 // number of the data set at the last confirmation; 0: unknown
	read    uint32 // Board.reads at the last change

	listening    bool
	known        bool
	lastKeyKnown bool
	confirmed    bool // at least once
	reset        bool // the era began with a reset of a known version
	gapNews      bool // the believed version is from a message in a gap that is not confirmed yet
	gapEra       bool // an era began after the last gap began
	dirty        bool // changed since the last Take

	takenListening, takenKnown bool // at the last Take

	advances, eras uint8 // how many since the last Take; 2: or more
}

func (r *record) state() State {
	return State{Version: r.version, Era: r.era, Listening: r.listening, Known: r.known}
}

// taken notes that the present state was taken.
func (r *record) taken() {
	r.dirty, r.advances, r.eras = false, 0, 0
	r.takenListening, r.takenKnown = r.listening, r.known
}

// advance reports whether the state is an advance from the one that was taken last.
func (r *record) advance() bool {
	switch {
	case !r.known, r.listening && !r.takenListening:
		return false
	case r.eras == 0:
		return r.advances > 0
	}
	return r.eras == 1 && r.reset && r.takenKnown
}

// move makes v the believed version. v is greater than the last one in this era.
func (r *record) move(v Version) {
	r.known, r.version = true, v
	r.gapNews = !r.listening
	r.advances = min(r.advances+1, 2)
}

// restart makes v the believed version in a new era. v may be lower than the last one.
func (r *record) restart(v Version) {
	r.reset = r.known
	r.beginEra()
	r.move(v)
}

// forget makes the project unknown.
func (r *record) forget() {
	r.known, r.version, r.reset, r.gapNews = false, 0, false, false
	r.beginEra()
}

func (r *record) beginEra() {
	r.era++
	r.eras = min(r.eras+1, 2)
	r.gapEra = true
}

// gap begins a gap.
func (r *record) gap() {
	r.listening = false
	r.lastKey, r.lastKeyKnown = r.version, r.known
	r.gapEra, r.gapNews = false, false
}

// confirm ends a gap; see [Board.Confirm].
func (r *record) confirm(key Key, dataSet uint32) {
	if r.listening { // forgotten and watched again while the last key was read
		r.gap()
	}
	first := !r.confirmed
	same := dataSet != 0 && dataSet == r.dataSet
	before, beforeKnown := r.lastKey, r.lastKeyKnown
	r.listening, r.confirmed, r.gapNews = true, true, false
	r.dataSet, r.lastKey, r.lastKeyKnown = dataSet, key.Version, key.Known
	switch {
	case first && r.known:
		// Messages came before the key was read: a reset counts (era above 0), otherwise the greater number.
		if key.Known && key.Version > r.version && r.era == 0 {
			r.move(key.Version)
		}
	case first && key.Known:
		r.move(key.Version)
	case first:
	case same && !r.gapEra && beforeKnown && key.Known && key.Version >= before:
		// Compared with the version believed before the gap, since messages in the gap may be newer than the read.
		if key.Version > r.version {
			r.move(key.Version)
		}
	case same && r.known && key.Known && key.Version == r.version:
		// A reset came meanwhile, and the key holds it.
	default:
		r.forget()
	}
}

// routine takes the key of a routine read, and reports whether the state changes; see [Board.Routine].
func (r *record) routine(key Version) bool {
	before, beforeKnown := r.lastKey, r.lastKeyKnown
	r.lastKey, r.lastKeyKnown = key, true
	switch {
	case !r.known && (!beforeKnown || key != before):
		r.move(key)
	case !r.known:
		return false
	case key > r.version:
		r.move(key)
	case key < r.version && beforeKnown && key < before:
		r.restart(key)
	default:
		return false
	}
	return true
}
