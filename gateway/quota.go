package gateway

import (
	"sync"
	"time"
)

const (
	// quotaPeriod is the time that a quota is for.
	quotaPeriod = time.Minute
	// quotaMost bounds the callers that are told apart in it. Who comes when there are more is refused.
	quotaMost = 50_000
)

// quota bounds how often each caller may do something in a minute. The zero value is ready.
type quota struct {
	mu     sync.Mutex // guards all below
	begun  time.Time
	counts map[uint32]int // by hash: two that share one share a quota
}

// take uses up one of most.
func (q *quota) take(name string, most int, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.begun) >= quotaPeriod {
		q.begun, q.counts = now, map[uint32]int{}
	}
	key := hash(name)
	if n := q.counts[key]; n >= most || n == 0 && len(q.counts) >= quotaMost {
		return false
	}
	q.counts[key]++
	return true
}
