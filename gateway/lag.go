package gateway

import (
	"sync/atomic"
	"time"
)

// loopLag measures how long a loop takes to begin what it is asked to do.
type loopLag struct {
	sent atomic.Int64 // when the loop was asked, Unix nanoseconds; 0: it has answered
	took atomic.Int64 // how long its last answer took, in nanoseconds
}

// measure asks the loop again, if it has answered, and returns how long its last answer took, or has taken so far.
func (m *loopLag) measure(l *loop, now time.Time) time.Duration {
	if sent := m.sent.Load(); sent != 0 {
		return now.Sub(time.Unix(0, sent))
	}
	m.sent.Store(now.UnixNano())
	l.post(func(time.Time) {
		m.took.Store(time.Now().UnixNano() - m.sent.Load())
		m.sent.Store(0)
	})
	return time.Duration(m.took.Load())
}

// lag is how late the slowest loop is.
func (g *Gateway) lag() (most time.Duration) {
	now := time.Now()
	for _, l := range g.loops {
		most = max(most, l.lag.measure(l, now))
	}
	return most
}
