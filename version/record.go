package version

// recordsAtOnce is how many records are made together: 8 KiB of them. They live long: one by one, among what requests
// leave behind, each would keep a page of it.
const recordsAtOnce = 146

// record is one project on the board. There may be hundreds of thousands, so it is small. Board.mu guards it.
type record struct {
	project Project // zero: this index is not in use
	version Version // believed, if known
	// key is the number last read from the project's key while the source listens. From a gap until the
	// confirmation it is what was believed when the gap began: the two are never needed at the same time.
	key    Version
	era    uint32
	origin uint32 // history of the data set at the last confirmation; 0: none
	read   uint32 // Board.reads at the last change

	listening bool
	known     bool
	keyKnown  bool
	confirmed bool // once at least
	reset     bool // the era was begun by a reset of a known version
	gapNews   bool // the belief comes from news in a gap that was not confirmed yet
	gapEra    bool // an era began since the gap did
	dirty     bool // changed since the last Take

	takenListening, takenKnown bool // at the last Take

	advances, eras uint8 // begun since the last Take; 2: or more
}

func (r *record) state() State {
	return State{Version: r.version, Era: r.era, Listening: r.listening, Known: r.known}
}

// taken notes that the present state was taken.
func (r *record) taken() {
	r.dirty, r.advances, r.eras = false, 0, 0
	r.takenListening, r.takenKnown = r.listening, r.known
}

// advance tells whether the state is an advance to whoever knows the one that was taken last.
func (r *record) advance() bool {
	switch {
	case !r.known, r.listening && !r.takenListening:
		return false
	case r.eras == 0:
		return r.advances > 0
	}
	return r.eras == 1 && r.reset && r.takenKnown
}

// move makes v, which goes up from what was believed, the belief.
func (r *record) move(v Version) {
	r.known, r.version = true, v
	r.gapNews = !r.listening
	r.advances = min(r.advances+1, 2)
}

// restart makes v, which may be lower than what was believed, the belief, in an era of its own.
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

// gap begins one.
func (r *record) gap() {
	r.listening = false
	r.key, r.keyKnown = r.version, r.known
	r.gapEra, r.gapNews = false, false
}

// confirm ends a gap, or begins to listen; see [Board.Confirm].
func (r *record) confirm(key Key, origin uint32) {
	if r.listening { // watched again so soon that the gap went unseen
		r.gap()
	}
	first := !r.confirmed
	same := origin != 0 && origin == r.origin
	before, beforeKnown := r.key, r.keyKnown
	r.listening, r.confirmed, r.gapNews = true, true, false
	r.origin, r.key, r.keyKnown = origin, key.Version, key.Known
	switch {
	case first && r.known:
		// Messages overtook the read of the key: a reset holds (the era tells), of numbers the greater.
		if key.Known && key.Version > r.version && r.era == 0 {
			r.move(key.Version)
		}
	case first && key.Known:
		r.move(key.Version)
	case first:
	case same && !r.gapEra && beforeKnown && key.Known && key.Version >= before:
		// Compared with what was believed before the gap: what was heard since may have overtaken the read.
		if key.Version > r.version {
			r.move(key.Version)
		}
	case same && r.known && key.Known && key.Version == r.version:
		// A reset came meanwhile, and the key holds it.
	default:
		r.forget()
	}
}

// routine takes what a routine read found, and tells whether that changes the belief; see [Board.Routine].
func (r *record) routine(key Version) bool {
	before, beforeKnown := r.key, r.keyKnown
	r.key, r.keyKnown = key, true
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
