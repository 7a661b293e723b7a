package limits

import "time"

// repeatsTime is the time in which a caller counts only so often.
const repeatsTime = 10 * time.Second

// RepeatGuard keeps one caller from counting as many: in 10 s, and while its answers hold, it counts four times at
// most. It is not safe for concurrent use. Its zero value is ready.
type RepeatGuard struct{ counted Recent[repeats] }

// repeats is how often a caller was counted, and when its last answer is over, in Unix nanoseconds.
type repeats struct {
	n    uint8
	over int64
}

// Take returns how long the caller should wait. It calls decide, with whether the caller was counted before, and returns its
// result. exhausted: the caller was counted four times; then decide is not called, and wait is the rest of the last
// answer. [Nobody] is never exhausted.
func (g *RepeatGuard) Take(caller Counted, now time.Time, decide func(again bool) time.Duration) (wait time.Duration, exhausted bool) {
	r, left := g.counted.Get(caller.Key, now)
	if r.n >= Tabs {
		return max(0, time.Duration(r.over-now.UnixNano())).Truncate(time.Millisecond), true
	}
	wait = decide(r.n > 0)
	if caller.Key != Nobody { // if there is no room, the caller counts as new next time
		over := max(r.over, now.Add(wait).UnixNano())
		g.counted.Put(caller.Key, repeats{r.n + 1, over}, now, max(left, wait, repeatsTime))
	}
	return wait, false
}

// Sweep forgets answers that are over, to give their memory back. Call it every few seconds.
func (g *RepeatGuard) Sweep(now time.Time) { g.counted.Sweep(now) }
