package limits

import (
	"hash/maphash"
	"time"
)

// Key names a caller in a [Recent]: a hash, so that a long name costs no more than a short one.
type Key uint64

// Nobody is the key of callers who cannot be told apart. Behind a proxy these may be all.
const Nobody Key = 0

var seed = maphash.MakeSeed()

// KeyOf returns the key of a name; Nobody if it is empty.
func KeyOf(name string) Key {
	if name == "" {
		return Nobody
	}
	return max(1, Key(maphash.String(seed, name)))
}

// Recent remembers a value for each caller of late: each for a time of its own, and no more than Most at once. It starts
// no goroutine, reads no clock, and is not safe for concurrent use. Its zero value is empty.
//
// A cache with eviction would not do: strangers could make it forget somebody by coming in great number. Whoever comes
// when it is full is not remembered, and those who are keep their place.
type Recent[V any] struct {
	Most int // 0: 65,536

	begun time.Time // time is kept as what has passed since, half the size of a time.Time
	swept time.Time
	seen  map[Key]entry[V]
}

type entry[V any] struct {
	until time.Duration // since begun
	value V
}

// Get returns what is remembered of a caller, and for how long it still is. left is 0 if nothing is.
func (r *Recent[V]) Get(k Key, now time.Time) (value V, left time.Duration) {
	if e, ok := r.seen[k]; ok && e.until > now.Sub(r.begun) {
		return e.value, e.until - now.Sub(r.begun)
	}
	return value, 0
}

// Put remembers a value of a caller for a time, in place of an older one. It reports whether there was room.
func (r *Recent[V]) Put(k Key, value V, now time.Time, d time.Duration) bool {
	if r.seen == nil {
		r.seen, r.begun = map[Key]entry[V]{}, now
	}
	if _, known := r.seen[k]; !known && len(r.seen) >= r.most() {
		if now.Sub(r.swept) < time.Second { // a crowd must not cost one sweep each
			return false
		}
		if r.Sweep(now); len(r.seen) >= r.most() {
			return false
		}
		return r.Put(k, value, now, d) // Sweep may have given the map back
	}
	r.seen[k] = entry[V]{now.Sub(r.begun) + d, value}
	return true
}

func (r *Recent[V]) most() int {
	if r.Most > 0 {
		return r.Most
	}
	return 1 << 16
}

// Delete forgets a caller.
func (r *Recent[V]) Delete(k Key) { delete(r.seen, k) }

// Sweep forgets what is over. Call it now and then: what nobody asks for stays until then.
func (r *Recent[V]) Sweep(now time.Time) {
	r.swept = now
	for k, e := range r.seen {
		if e.until <= now.Sub(r.begun) {
			delete(r.seen, k)
		}
	}
	if len(r.seen) == 0 {
		r.seen = nil // a map does not shrink
	}
}

// Count returns of how many callers something is remembered that is so.
func (r *Recent[V]) Count(now time.Time, is func(V) bool) (n int) {
	r.Sweep(now)
	for _, e := range r.seen {
		if is(e.value) {
			n++
		}
	}
	return n
}
