package fallback

import "time"

const (
	// steady is how many ticks must have come, one after the other, until their absence means something.
	steady = 5
	// missing is for how many of the longest gaps between them none may come.
	missing = 3
	// fastest and slowest bound that gap.
	fastest, slowest = 100 * time.Millisecond, time.Minute
)

// Pulse is the beat of an application that ticks: that publishes something at a
// steady rate, so that its silence can be told from a quiet hour. It is a value;
// the zero Pulse has heard nothing and thinks nothing.
type Pulse struct {
	last time.Time
	gap  time.Duration // the longest between two ticks; older ones count less and less
	row  int           // ticks in a row, up to steady
}

// Tick returns the Pulse after a tick was heard at now. Many processes may tick,
// each at its own times. After a silence the ticks must become steady anew.
func (p Pulse) Tick(now time.Time) Pulse {
	since := now.Sub(p.last)
	if p.row == 0 || since > missing*slowest || p.row == steady && since > p.patience() {
		return Pulse{last: now, row: 1}
	}
	return Pulse{later(p.last, now), max(since, p.gap-p.gap/16), min(p.row+1, steady)}
}

// Silent tells whether at now ticks that had come steadily are missing: none has
// for three times the longest gap there was between them, 100 ms at least. Gaps of
// more than a minute are no tick. Up is since when what is published could be
// heard: what could not is not missing.
func (p Pulse) Silent(up, now time.Time) bool {
	due := p.Due(up)
	return !due.IsZero() && !now.Before(due)
}

// Due is when Silent becomes true if nothing is heard; zero: never.
func (p Pulse) Due(up time.Time) time.Time {
	if p.row < steady || p.gap > slowest {
		return time.Time{}
	}
	return after(later(p.last, up), p.patience())
}

func (p Pulse) patience() time.Duration { return missing * max(p.gap, fastest) }
