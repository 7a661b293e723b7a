package pace

import (
	"time"

	"nudge/fallback"
)

// spent sums up the past, for metrics.
type spent struct {
	at    time.Time // until when it is summed up
	in    [fallback.Healthy + 1]time.Duration
	saved float64
}

// until adds the time since the last call: push was in this state, and so many streams were told this cadence.
func (s *spent) until(now time.Time, push fallback.Push, c fallback.Cadence, streams int) {
	passed := max(0, now.Sub(s.at))
	s.at = now
	if int(push) < len(s.in) {
		s.in[push] += passed
	}
	if c.Poll > c.Fast && c.Fast > 0 {
		s.saved += float64(streams) * (passed.Seconds()/c.Fast.Seconds() - passed.Seconds()/c.Poll.Seconds())
	}
}

// TimeIn returns how long push was in a state since the start, until the last judgement: at most 2 s ago.
func (p *Pacer) TimeIn(state fallback.Push) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spent.in[state]
}

// Saved returns how many polls the streams of this gateway have not made since the start, because they poll at the
// interval of push instead of the fast one. It is a model: polls for news are not taken off.
func (p *Pacer) Saved() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.spent.saved
}
