package pace

import "time"

const (
	// repeatsEach is how often one caller counts while its first answer holds: it may have several tabs.
	repeatsEach = 8
	// mostRepeaters bounds the callers that are remembered. Beyond it they are taken for new ones.
	mostRepeaters = 1 << 16
)

// repeatGuard keeps single callers from taking the place of very many. A caller that asks again and again while its
// answer holds gets that answer again and counts no more. Callers are named by a hash of their subject. 0 is anybody and
// always counts: behind a proxy it may be all of them.
type repeatGuard struct {
	asked map[uint32]repeats
	swept time.Time
}

type repeats struct {
	until time.Time // when the longest answer is over
	n     uint8
}

// take returns how long the caller should wait: what decide returns, which is told whether the caller has counted before,
// or what is left of its last answer. Exhausted: the caller counts no more.
func (g *repeatGuard) take(caller uint32, now time.Time, decide func(again bool) time.Duration) (wait time.Duration, exhausted bool) {
	v := g.asked[caller]
	if !now.Before(v.until) {
		v = repeats{}
	}
	if caller != 0 && v.n >= repeatsEach {
		return v.until.Sub(now).Truncate(time.Millisecond), true
	}
	wait = decide(v.n > 0)
	if caller == 0 || len(g.asked) >= mostRepeaters && !g.sweep(now) {
		return wait, false
	}
	if g.asked == nil {
		g.asked = map[uint32]repeats{}
	}
	if until := now.Add(max(wait, time.Second)); until.After(v.until) {
		v.until = until
	}
	v.n++
	g.asked[caller] = v
	return wait, false
}

// sweep forgets answers that are over, once a second at most, and reports whether there is room then.
func (g *repeatGuard) sweep(now time.Time) bool {
	if now.Sub(g.swept) >= time.Second {
		g.swept = now
		for caller, v := range g.asked {
			if !now.Before(v.until) {
				delete(g.asked, caller)
			}
		}
	}
	if len(g.asked) == 0 {
		g.asked = nil // the memory of a storm is given back
	}
	return len(g.asked) < mostRepeaters
}
