package limits

import (
	"sync"
	"time"
)

// mostPollers bounds those that are remembered of each kind, at each gateway. Browsers without a stream beyond that are not counted.
const mostPollers = 200_000

// Pollers counts the browsers that poll without a stream: each subject of a verified token once, until the answer it got
// is out of date. A caller without a subject never counts, so nobody can slow down everybody by asking. It is safe for
// concurrent use. Its zero value has nobody.
type Pollers struct {
	mu      sync.Mutex
	once    Recent[struct{}] // those that may have opened a stream since
	polling Recent[struct{}]
}

// Polled says that a caller got an answer at now that is good for ttl. sure: it gets no stream. One that may open a stream
// mostly asks just before it does, so it counts only when it asks again.
func (p *Pollers) Polled(caller Key, sure bool, ttl time.Duration, now time.Time) {
	if caller == Nobody {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := &p.polling
	if !sure && p.once.Left(caller, now)+p.polling.Left(caller, now) == 0 {
		asked = &p.once
	}
	p.once.Delete(caller)
	asked.Most = mostPollers
	asked.Put(caller, struct{}{}, now, 2*ttl) // it asks again just after ttl
}

// Opened says that a caller has a stream now.
func (p *Pollers) Opened(caller Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once.Delete(caller)
	p.polling.Delete(caller)
}

// Polling returns how many there are at now. It costs next to nothing, however many there are.
func (p *Pollers) Polling(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once.Sweep(now)
	return p.polling.Len(now)
}
