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

// TickMonitor notices when an application that ticks falls silent: it publishes
// something at a steady rate, so that its silence can be told from a quiet hour. It
// is a value; the zero TickMonitor has heard no tick, and misses none.
type TickMonitor struct {
	last time.Time
	gap  time.Duration // the longest between two ticks; older ones count less and less
	row  int           // ticks in a row, up to steady
}

// Tick returns the monitor after a tick was heard at now. Many processes may tick,
// each at its own times. After a silence the ticks must become steady anew.
func (m TickMonitor) Tick(now time.Time) TickMonitor {
	since := now.Sub(m.last)
	if m.row == 0 || since > missing*slowest || m.row == steady && since > m.patience() {
		return TickMonitor{last: now, row: 1}
	}
	return TickMonitor{later(m.last, now), max(since, m.gap-m.gap/16), min(m.row+1, steady)}
}

// Silent tells whether at now ticks that had come steadily are missing: none has
// for three times the longest gap there was between them, 100 ms at least. Gaps of
// more than a minute are no tick. Up is since when what is published could be
// heard: what could not is not missing.
func (m TickMonitor) Silent(up, now time.Time) bool {
	due := m.Due(up)
	return !due.IsZero() && !now.Before(due)
}

// Due is when Silent becomes true if nothing is heard; zero: never.
func (m TickMonitor) Due(up time.Time) time.Time {
	if m.row < steady || m.gap > slowest {
		return time.Time{}
	}
	return after(later(m.last, up), m.patience())
}

func (m TickMonitor) patience() time.Duration { return missing * max(m.gap, fastest) }
