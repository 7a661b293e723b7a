package simulate

// wheel is what is to happen, by the millisecond. Everything that may happen has a number and one time at most, so that
// nothing is allocated and a time that is set anew costs nothing. What falls into the same millisecond happens in the order
// in which it was set.
type wheel struct {
	now   int64
	slots []uint32 // of the number that comes first in each; 0: nothing
	items []item   // by number, from 1
}

type item struct {
	before, after uint32 // a ring for each slot
	slot          uint32
	due           int32 // 0: not set
}

// horizon is how far the wheel reaches, a power of two. What is later comes by again.
const horizon = 1 << 19

// newWheel returns a wheel for numbers up to most.
func newWheel(most int) *wheel {
	return &wheel{now: 1, slots: make([]uint32, horizon), items: make([]item, most+1)}
}

// set makes n happen at due, or now, and not when it was to happen before.
func (w *wheel) set(n uint32, due int64) {
	due = max(due, w.now)
	it := &w.items[n]
	if int64(it.due) == due {
		return
	}
	if it.due != 0 {
		w.unlink(n)
	}
	it.due = int32(due)
	w.link(n)
}

// clear makes n not happen.
func (w *wheel) clear(n uint32) {
	if w.items[n].due != 0 {
		w.unlink(n)
		w.items[n].due = 0
	}
}

// next is a number that happens now; 0: none does any more.
func (w *wheel) next() uint32 {
	for {
		n := w.slots[w.now&(horizon-1)]
		if n == 0 {
			return 0
		}
		w.unlink(n)
		it := &w.items[n]
		if int64(it.due) <= w.now {
			it.due = 0
			return n
		}
		w.link(n) // it was beyond the horizon
	}
}

func (w *wheel) link(n uint32) {
	it := &w.items[n]
	it.slot = uint32(min(int64(it.due), w.now+horizon-1) & (horizon - 1))
	head := &w.slots[it.slot]
	if *head == 0 {
		*head, it.before, it.after = n, n, n
		return
	}
	first := &w.items[*head]
	it.before, it.after = first.before, *head
	w.items[first.before].after = n
	first.before = n
}

func (w *wheel) unlink(n uint32) {
	it := &w.items[n]
	head := &w.slots[it.slot]
	switch {
	case it.after == n:
		*head = 0
		return
	case *head == n:
		*head = it.after
	}
	w.items[it.before].after = it.after
	w.items[it.after].before = it.before
}
