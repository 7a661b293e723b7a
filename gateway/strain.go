package gateway

import (
	"sync/atomic"
	"time"

	"nudge/fallback"
)

// errand measures how long a loop takes to do what it is asked to.
type errand struct {
	sent atomic.Int64 // Unix nanoseconds; 0: it is back
	took atomic.Int64 // the last one, in nanoseconds
}

// run sends the errand again, if it is back, and returns how late it is or was.
func (e *errand) run(l *loop, now time.Time) time.Duration {
	if sent := e.sent.Load(); sent != 0 {
		return now.Sub(time.Unix(0, sent))
	}
	e.sent.Store(now.UnixNano())
	l.post(func(time.Time) {
		e.took.Store(time.Now().UnixNano() - e.sent.Load())
		e.sent.Store(0)
	})
	return time.Duration(e.took.Load())
}

// strain is how this gateway does. What comes while one of the fleet is leaving, or this one is, is nobody's weakness.
func (g *Gateway) strain() fallback.Strain {
	now := time.Now()
	s := fallback.Strain{
		Refused: now.Sub(g.admission.turnedAway()) < 2*lookAgain, Excused: g.fleet.Leaving() || g.phase.Load() != serving,
	}
	for _, l := range g.loops {
		s.Lag = max(s.Lag, l.errand.run(l, now))
	}
	return s
}
