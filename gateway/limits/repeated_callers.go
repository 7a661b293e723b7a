package limits

import "time"

// repeatsEach is how often one caller counts while its first answer holds: it may have several tabs.
const repeatsEach = 8

// RepeatGuard keeps one caller from counting as many. A caller that asks again and again while its answer holds gets the same
// answer and is not counted again. It is not safe for concurrent use. Its zero value is ready.
type RepeatGuard struct{ counted Recent[uint8] }

// Take returns how long the caller should wait. It calls decide, with whether the caller was counted before, and returns its
// result. exhausted: the caller was counted repeatsEach times; then decide is not called, and wait is the rest of the last
// answer. [Nobody] is never exhausted.
func (g *RepeatGuard) Take(caller Key, now time.Time, decide func(again bool) time.Duration) (wait time.Duration, exhausted bool) {
	n, left := g.counted.Get(caller, now)
	if n >= repeatsEach {
		return left.Truncate(time.Millisecond), true
	}
	wait = decide(n > 0)
	if caller != Nobody { // if there is no room, the caller counts as new next time
		g.counted.Put(caller, n+1, now, max(left, wait, time.Second))
	}
	return wait, false
}

// Sweep forgets answers that are over, to give their memory back. Call it every few seconds.
func (g *RepeatGuard) Sweep(now time.Time) { g.counted.Sweep(now) }
