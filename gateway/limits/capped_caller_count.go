package limits

import "sync"

// Tally counts the streams of callers, held polls included, as browsers that wait for news: of one caller only as many as an
// ordinary one has. Further ones are extra, and count in no estimate. [Caller.Counted] says how many count. It is safe for
// concurrent use. Its zero value is ready.
type Tally struct {
	mu    sync.Mutex // guards all below
	each  map[Key]int
	extra int
}

// Add adds a stream, and reports whether it counts.
func (t *Tally) Add(c Counted) (counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts = t.countLocked(c); !counts {
		t.extra++
	}
	return counts
}

// Promote makes an extra stream count if there is room now, and reports whether there was.
func (t *Tally) Promote(c Counted) (counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts = t.countLocked(c); counts {
		t.extra--
	}
	return counts
}

func (t *Tally) countLocked(c Counted) bool {
	if c.Key != Nobody {
		if t.each[c.Key] >= c.streams() {
			return false
		}
		if t.each == nil {
			t.each = map[Key]int{}
		}
		t.each[c.Key]++
	}
	return true
}

// Remove removes a stream. counts is what Add or Promote said last.
func (t *Tally) Remove(c Counted, counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !counts {
		t.extra--
		return
	}
	if c.Key == Nobody {
		return
	}
	if t.each[c.Key]--; t.each[c.Key] == 0 {
		delete(t.each, c.Key)
	}
	if len(t.each) == 0 {
		t.each = nil // a map does not shrink
	}
}

// Extra returns how many streams do not count.
func (t *Tally) Extra() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.extra
}
