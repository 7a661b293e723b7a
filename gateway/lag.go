package gateway

import (
	"sync/atomic"
	"time"

	"nudge/fallback"
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

// lag is how late this gateway's own work is. While a gateway of the fleet is leaving, this one included, all its
// browsers come back at once, so lateness then says nothing.
func (g *Gateway) lag() fallback.Lag {
	now := time.Now()
	lag := fallback.Lag{Excused: g.fleet.Leaving() || g.phase.Load() != serving}
	for _, l := range g.loops {
		lag.By = max(lag.By, l.lag.measure(l, now))
	}
	return lag
}
