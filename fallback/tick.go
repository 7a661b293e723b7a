package fallback

import "time"

const (
	// steadyTicks is how many ticks in a row must come before silence means something.
	steadyTicks = 5
	// silentGaps is how many of the longest gaps between two ticks make a silence.
	silentGaps = 3
	// shortestGap and longestGap bound the gap.
	shortestGap, longestGap = 100 * time.Millisecond, time.Minute
)

// TickMonitor notices when an application that ticks falls silent. Such an application publishes something at a steady rate,
// so that a failure differs from a quiet hour. It is a value; the zero TickMonitor has heard no tick, and is never silent.
type TickMonitor struct {
	last time.Time
	gap  time.Duration // the longest between two ticks; older ones count less and less
	row  int           // ticks in a row, steadyTicks at most
}

// Tick returns the monitor after a tick was heard at now. Many processes may tick,
// each at its own times. After a silence the count of ticks in a row starts again.
func (m TickMonitor) Tick(now time.Time) TickMonitor {
	since := now.Sub(m.last)
	if m.row == 0 || since > silentGaps*longestGap || m.row == steadyTicks && since > m.patience() {
		return TickMonitor{last: now, row: 1}
	}
	return TickMonitor{later(m.last, now), max(since, m.gap-m.gap/16), min(m.row+1, steadyTicks)}
}

// Silent reports whether steady ticks are missing at now: none came for three times the longest gap between two of them,
// which counts as 100 ms at least. Ticks with gaps of more than a minute are ignored. up is since when ticks could be heard:
// earlier silence does not count.
func (m TickMonitor) Silent(up, now time.Time) bool {
	due := m.Due(up)
	return !due.IsZero() && !now.Before(due)
}

// Due returns when Silent becomes true if no tick is heard; zero: never.
func (m TickMonitor) Due(up time.Time) time.Time {
	if m.row < steadyTicks || m.gap > longestGap {
		return time.Time{}
	}
	return after(later(m.last, up), m.patience())
}

// patience returns how long no tick may come.
func (m TickMonitor) patience() time.Duration { return silentGaps * max(m.gap, shortestGap) }
