package pace

import (
	"sync"
	"time"

	"nudge/fallback"
)

// pollers counts the browsers that poll without a stream: each subject of a verified token once. A caller without a
// subject never counts, so that nobody can slow down everybody by asking.
type pollers struct {
	mu  sync.Mutex // guards all below
	all fallback.Askers
}

// Polled takes note of a caller, named by a hash, to whom an answer is good for ttl; 0 is nobody. Sure: it has no stream.
func (a *pollers) Polled(caller uint32, sure bool, ttl time.Duration, now time.Time) {
	if caller == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Asked(caller, sure, ttl, now)
}

// Opened takes note of a stream of the caller's.
func (a *pollers) Opened(caller uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Opened(caller)
}

// count is how many there are.
func (a *pollers) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all.Count(now)
}
