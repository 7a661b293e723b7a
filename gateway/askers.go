package gateway

import (
	"sync"
	"time"
)

// mostAskers bounds those that are remembered: more do not change the pace of a fleet that is this large.
const mostAskers = 200_000

// askers counts the browsers that poll without a stream: each subject of a verified token once, until its terms are
// over. Whoever has no subject never counts, so that nobody can slow down everybody by asking.
//
// One that may open a stream asks just before it does, mostly; it counts when it asks again.
type askers struct {
	mu   sync.Mutex // guards all below
	seen map[uint32]asker
}

type asker struct {
	until  uint32 // Unix second
	counts bool
}

// asked takes note of a caller to whom an answer is good for ttl. Sure: there is no stream for it.
func (p *askers) asked(subject string, sure bool, ttl time.Duration, now time.Time) {
	if subject == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key, at := hash(subject), second(now)
	before, known := p.seen[key]
	if !known && len(p.seen) >= mostAskers {
		p.sweepLocked(at)
		if len(p.seen) >= mostAskers {
			return
		}
	}
	if p.seen == nil {
		p.seen = map[uint32]asker{}
	}
	again := known && before.until > at
	// One that keeps its terms asks just after they are over.
	p.seen[key] = asker{until: second(now.Add(2 * ttl)), counts: sure || again}
}

// opened takes note of a stream of the caller's.
func (p *askers) opened(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, hash(subject))
}

// count is how many there are.
func (p *askers) count(now time.Time) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepLocked(second(now))
	for _, s := range p.seen {
		if s.counts {
			n++
		}
	}
	return n
}

func (p *askers) sweepLocked(at uint32) {
	for key, s := range p.seen {
		if s.until <= at {
			delete(p.seen, key)
		}
	}
}
