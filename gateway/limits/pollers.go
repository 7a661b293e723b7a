package limits

import (
	"sync"
	"time"
)

// mostPollers bounds each set of a Pollers. Further browsers without a stream are not counted.
const mostPollers = 200_000

// Pollers counts the browsers that poll without a stream: each subject of a verified token once, until its last answer has
// expired. A caller without a subject never counts, so strangers cannot slow down all others by asking. It is safe for
// concurrent use. Its zero value is empty.
type Pollers struct {
	mu      sync.Mutex
	once    Recent[struct{}] // callers that asked once, and may open a stream now
	polling Recent[struct{}] // callers that poll without a stream
}

// Polled notes that a caller got an answer at now that holds for ttl. noStream: it cannot get a stream. Other callers mostly
// open one right after the answer, so they count only when they ask again.
func (p *Pollers) Polled(caller Key, noStream bool, ttl time.Duration, now time.Time) {
	if caller == Nobody {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := &p.polling
	if !noStream && p.once.Left(caller, now)+p.polling.Left(caller, now) == 0 {
		asked = &p.once
	}
	p.once.Delete(caller)
	asked.Most = mostPollers
	asked.Put(caller, struct{}{}, now, 2*ttl) // the caller asks again just after ttl
}

// Opened notes that a caller has a stream now.
func (p *Pollers) Opened(caller Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once.Delete(caller)
	p.polling.Delete(caller)
}

// Polling returns how many callers poll without a stream at now. It costs little, however many there are.
func (p *Pollers) Polling(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.once.Sweep(now)
	return p.polling.Len(now)
}
