package limits

import "time"

// distances are the times between lines of the log about something that goes on.
var distances = [...]time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// GrowingDistance says when the log tells of something that goes on: at once, after a minute, after ten more, then each hour. So
// whoever reads the log sees that it goes on, and sees other lines too. It is not safe for concurrent use. Its zero value is ready.
type GrowingDistance struct {
	told time.Time // zero: never
	step int       // of distances, which is waited for
	n    int       // since told
}

// Happened counts once more, and reports whether that is told now, and then how often it has happened since it was told last. What did
// not happen for twice the time that was waited for begins anew.
func (g *GrowingDistance) Happened(now time.Time) (n int, tell bool) {
	g.n++
	wait := distances[g.step]
	switch passed := now.Sub(g.told); {
	case g.told.IsZero() || passed > 2*wait:
		g.step = 0
	case passed < wait:
		return 0, false
	default:
		g.step = min(g.step+1, len(distances)-1)
	}
	n, g.n, g.told = g.n, 0, now
	return n, true
}
