package limits

import "sync"

// Tally counts things of callers, such as streams, so that one caller counts as repeatsEach at most: it may have several
// tabs, but must not pass for a crowd. [Nobody] counts as many callers. It is safe for concurrent use. Its zero value is
// ready.
type Tally struct {
	mu    sync.Mutex // guards all below
	each  map[Key]int
	total int
}

// Add adds delta things of a caller. Their number must not go below 0.
func (t *Tally) Add(k Key, delta int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k == Nobody {
		t.total += delta
		return
	}
	before := t.each[k]
	after := before + delta
	t.total += min(after, repeatsEach) - min(before, repeatsEach)
	switch {
	case after <= 0:
		delete(t.each, k)
	case t.each == nil:
		t.each = map[Key]int{k: after}
	default:
		t.each[k] = after
	}
	if len(t.each) == 0 {
		t.each = nil // a map does not shrink
	}
}

// Total returns what all callers count.
func (t *Tally) Total() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
