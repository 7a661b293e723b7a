package limits

import "sync"

// Tally counts the streams of callers, held polls included, as browsers that wait for news: of one caller only as many as an
// ordinary one has. Further ones are extra, and count in no estimate. [Caller.Counted] says how many count. It is safe for
// concurrent use. Its zero value is ready.
type Tally struct {
	mu    sync.Mutex // guards all below
	each  map[Key]int
	total int
}

// Count counts a stream if there is room, and reports whether there was. If not, call it again later: another stream of the
// caller may have ended.
func (t *Tally) Count(c Counted) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Key != Nobody {
		if t.each[c.Key] >= c.streams() {
			return false
		}
		if t.each == nil {
			t.each = map[Key]int{}
		}
		t.each[c.Key]++
	}
	t.total++
	return true
}

// Remove removes a stream that counts.
func (t *Tally) Remove(c Counted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total--
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

// Total returns how many streams count.
func (t *Tally) Total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
