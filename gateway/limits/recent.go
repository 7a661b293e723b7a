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
	seen  map[Key]entry[V]
	// ends has who may be over within a second, by number since begun, from next on. So forgetting walks over those that
	// are over, and not over all.
	ends map[int32][]Key
	next int32
}

type entry[V any] struct {
	until time.Duration // since begun
	end   int32         // where it stands in ends: not after until
	value V
}

// Get returns what is remembered of a caller, and for how long it still is. left is 0 if nothing is.
func (r *Recent[V]) Get(k Key, now time.Time) (value V, left time.Duration) {
	if e, ok := r.seen[k]; ok && e.until > now.Sub(r.begun) {
		return e.value, e.until - now.Sub(r.begun)
	}
	return value, 0
}

// Left returns for how long a caller is still remembered; 0: it is not.
func (r *Recent[V]) Left(k Key, now time.Time) time.Duration {
	_, left := r.Get(k, now)
	return left
}

// Put remembers a value of a caller for a time, in place of an older one. It reports whether there was room.
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

// Sweep forgets what has been over for a second. Call it every few seconds, to give the memory back.
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
			case !known || e.end != r.next: // it was deleted, or stands elsewhere
			case end > r.next: // it came again
				e.end = end
				r.seen[k] = e
				r.ends[end] = append(r.ends[end], k)
			default:
				delete(r.seen, k)
			}
		}
	}
	if len(r.seen) == 0 {
		r.seen, r.ends = nil, nil // a map does not shrink
	}
}

// Len returns how many callers are remembered, some of them for up to a second too long.
func (r *Recent[V]) Len(now time.Time) int {
	r.Sweep(now)
	return len(r.seen)
}
