package gateway

import "time"

const (
	// turnsEach is how many turns one caller has while its first one lasts: it may have several tabs.
	turnsEach = 8
	// mostTurns bounds the callers that are remembered. Beyond it they are taken for new ones.
	mostTurns = 1 << 16
)

// turns keeps single callers from taking the place of very many: whoever comes again and again, while what it was told
// still holds, is told that again, and counts no more. Callers are named by a hash of their subject; 0 is anybody, and
// always counts: behind a proxy it may be all of them.
type turns struct {
	taken map[uint32]turn
	swept time.Time
}

type turn struct {
	until time.Time
	n     uint8
}

// take is the wait that a caller is told: what ask says, which is told whether it has had a turn, or what is left of what
// the caller was told before; more: it has had all its turns.
func (t *turns) take(caller uint32, now time.Time, ask func(again bool) time.Duration) (wait time.Duration, more bool) {
	v := t.taken[caller]
	if !now.Before(v.until) {
		v = turn{}
	}
	if caller != 0 && v.n >= turnsEach {
		return v.until.Sub(now).Truncate(time.Millisecond), true
	}
	wait = ask(v.n > 0)
	if caller == 0 || len(t.taken) >= mostTurns && !t.sweep(now) {
		return wait, false
	}
	if t.taken == nil {
		t.taken = map[uint32]turn{}
	}
	if until := now.Add(max(wait, time.Second)); until.After(v.until) {
		v.until = until
	}
	v.n++
	t.taken[caller] = v
	return wait, false
}

// sweep forgets what is over, once a second at most, and tells whether there is room then.
func (t *turns) sweep(now time.Time) bool {
	if now.Sub(t.swept) >= time.Second {
		t.swept = now
		for caller, v := range t.taken {
			if !now.Before(v.until) {
				delete(t.taken, caller)
			}
		}
	}
	if len(t.taken) == 0 {
		t.taken = nil // a storm's worth of it is not kept
	}
	return len(t.taken) < mostTurns
}
