package gateway

import (
	"sync"
	"time"

	"nudge/fallback"
)

// askers counts the browsers that poll without a stream: each subject of a verified token once. Whoever has no subject
// never counts, so that nobody can slow down everybody by asking.
type askers struct {
	mu  sync.Mutex // guards all below
	all fallback.Askers
}

// asked takes note of a caller to whom an answer is good for ttl. Sure: there is no stream for it.
func (a *askers) asked(subject string, sure bool, ttl time.Duration, now time.Time) {
	if subject == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Asked(hash(subject), sure, ttl, now)
}

// opened takes note of a stream of the caller's.
func (a *askers) opened(subject string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Opened(hash(subject))
}

// count is how many there are.
func (a *askers) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all.Count(now)
}
