package limits

import (
	"hash/maphash"
	"maps"
	"time"
)

// Key stands for a name of a caller: 64 bits of a hash, so that a long name costs no more than a short one. The seed is drawn at
// random, so nobody can choose names that collide, and a key means nothing to another process.
type Key uint64

// Nobody is the key of all callers without a name.
const Nobody Key = 0

var seed = maphash.MakeSeed()

// KeyOf returns the key of a name; Nobody if it is empty.
func KeyOf(name string) Key {
	if name == "" {
		return Nobody
	}
	return max(1, Key(maphash.String(seed, name)))
}

// Recent remembers a value for each caller, each for its own time, and Most callers at most. It starts no goroutine, reads no
// clock, and is not safe for concurrent use. Its zero value is empty.
//
// It never evicts, since strangers in great number could then make it forget somebody. When it is full it does not remember
// new callers.
type Recent[V any] struct {
	Most int // 0: 65,536

	begun time.Time // times are kept as durations since then: 8 bytes instead of the 24 of a time.Time
	seen  map[Key]entry[V]
	grown int // how many callers seen has had room for
	// ends has the keys that may end in each second since begun, from second next on. So Sweep visits only keys that may have
	// ended, not all.
	ends map[int32][]Key
	next int32
}

type entry[V any] struct {
	until time.Duration // since begun
	end   int32         // its second in ends, not after until
	value V
}

// Get returns the value of a caller, and for how long it is still remembered. left is 0 if there is none.
func (r *Recent[V]) Get(k Key, now time.Time) (value V, left time.Duration) {
	if e, ok := r.seen[k]; ok && e.until > now.Sub(r.begun) {
		return e.value, e.until - now.Sub(r.begun)
	}
	return value, 0
}

// Left returns for how long a caller is still remembered; 0: not at all.
func (r *Recent[V]) Left(k Key, now time.Time) time.Duration {
	_, left := r.Get(k, now)
	return left
}

// Put remembers a value of a caller for d, in place of an older one. It reports whether there was room.
func (r *Recent[V]) Put(k Key, value V, now time.Time, d time.Duration) bool {
	e, known := r.seen[k]
	if !known && len(r.seen) >= r.most() {
		if r.Sweep(now); len(r.seen) >= r.most() {
			return false
		}
	}
	if r.seen == nil {
		r.seen, r.ends, r.begun, r.next = map[Key]entry[V]{}, map[int32][]Key{}, now, 0
	}
	e.until, e.value = now.Sub(r.begun)+d, value
	if end := max(r.next, second(e.until)); !known || end < e.end {
		e.end = end
		r.ends[end] = append(r.ends[end], k)
	}
	r.seen[k] = e
	r.grown = max(r.grown, len(r.seen))
	return true
}

func second(d time.Duration) int32 { return int32(d / time.Second) }

func (r *Recent[V]) most() int {
	if r.Most > 0 {
		return r.Most
	}
	return 1 << 16
}

// Delete forgets a caller.
func (r *Recent[V]) Delete(k Key) { delete(r.seen, k) }

// Sweep forgets entries that ended at least a second ago. Call it every few seconds, to give the memory back.
func (r *Recent[V]) Sweep(now time.Time) {
	if r.seen == nil {
		return
	}
	for at := second(now.Sub(r.begun)); r.next < at && len(r.ends) > 0; r.next++ {
		keys := r.ends[r.next]
		delete(r.ends, r.next)
		for _, k := range keys {
			e, known := r.seen[k]
			switch end := second(e.until); {
			case !known || e.end != r.next: // the caller was deleted, or has another second
			case end > r.next: // its time was extended
				e.end = end
				r.seen[k] = e
				r.ends[end] = append(r.ends[end], k)
			default:
				delete(r.seen, k)
			}
		}
	}
	switch n := len(r.seen); { // a map does not shrink by itself
	case n == 0:
		r.seen, r.ends, r.grown = nil, nil, 0
	case r.grown >= 1024 && n < r.grown/4:
		small := make(map[Key]entry[V], n)
		maps.Copy(small, r.seen)
		r.seen, r.grown = small, n
	}
}

// Len returns how many callers are remembered. It counts each for up to a second too long.
func (r *Recent[V]) Len(now time.Time) int {
	r.Sweep(now)
	return len(r.seen)
}
