package limits

import "time"

// repeatsEach is how often one caller counts while its first answer holds: it may have several tabs.
const repeatsEach = 8

// RepeatGuard keeps one caller from taking the places of many. A caller that asks again and again while its answer holds
// gets that answer again and counts no more. It is not safe for concurrent use. Its zero value is ready.
type RepeatGuard struct{ counted Recent[uint8] }

// Take returns how long the caller should wait: what decide returns, which is told whether the caller has counted before,
// or what is left of its last answer. exhausted: the caller counts no more. [Nobody] always counts.
func (g *RepeatGuard) Take(caller Key, now time.Time, decide func(again bool) time.Duration) (wait time.Duration, exhausted bool) {
	n, left := g.counted.Get(caller, now)
	if n >= repeatsEach {
		return left.Truncate(time.Millisecond), true
	}
	wait = decide(n > 0)
	if caller != Nobody { // a caller that there is no room for is taken for a new one next time
		g.counted.Put(caller, n+1, now, max(left, wait, time.Second))
	}
	return wait, false
}

// Sweep forgets answers that are over, to give their memory back. Call it every few seconds.
func (g *RepeatGuard) Sweep(now time.Time) { g.counted.Sweep(now) }
