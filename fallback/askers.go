package fallback

import "time"

// mostAskers bounds those that are remembered, at each gateway. Browsers without a stream beyond that are not counted.
const mostAskers = 200_000

// Askers counts the browsers that poll without a stream: each caller that a token vouches for once, until its terms are
// over. One that may open a stream asks just before it does, mostly; it counts when it asks again. Callers are named by
// a hash, never 0. It holds no clock, and is not safe for concurrent use. Its zero value has nobody.
type Askers struct {
	seen  map[uint32]asker
	swept uint32 // Unix second
}

type asker struct {
	until  uint32 // Unix second
	counts bool
}

// Asked takes note of a caller to whom an answer at now is good for ttl. Sure: there is no stream for it.
func (a *Askers) Asked(caller uint32, sure bool, ttl time.Duration, now time.Time) {
	before, known := a.seen[caller]
	at := unix(now)
	if !known && len(a.seen) >= mostAskers {
		if a.swept != at { // once a second is enough, and all that a crowd may cost
			a.sweep(at)
		}
		if len(a.seen) >= mostAskers {
			return
		}
	}
	if a.seen == nil {
		a.seen = map[uint32]asker{}
	}
	again := known && before.until > at
	// One that keeps its terms asks just after they are over.
	a.seen[caller] = asker{until: unix(now.Add(2 * ttl)), counts: sure || again}
}

// Opened takes note of a stream of the caller's.
func (a *Askers) Opened(caller uint32) { delete(a.seen, caller) }

// Count is how many there are at now.
func (a *Askers) Count(now time.Time) (n int) {
	a.sweep(unix(now))
	for _, s := range a.seen {
		if s.counts {
			n++
		}
	}
	return n
}

func (a *Askers) sweep(at uint32) {
	a.swept = at
	for caller, s := range a.seen {
		if s.until <= at {
			delete(a.seen, caller)
		}
	}
}

func unix(t time.Time) uint32 { return uint32(max(t.Unix(), 1)) }
