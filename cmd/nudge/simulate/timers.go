package simulate

// timers fire with a resolution of 1 ms; within one millisecond they fire in the order in which they were set. Each timer has
// a number and at most one time, so setting one allocates nothing. Inside is a timing wheel: a ring of timers per time slot.
type timers struct {
	now   int64
	slots []uint32 // of the number that comes first in each; 0: nothing
	items []item   // by number, from 1
}

type item struct {
	before, after uint32 // a ring for each slot
	slot          uint32
	due           int32 // 0: not set
}

// horizon is how many milliseconds the slots cover, a power of two. A later timer stays in its slot for another turn.
const horizon = 1 << 19

// newTimers returns timers with the numbers 1 to most.
func newTimers(most int) *timers {
	return &timers{now: 1, slots: make([]uint32, horizon), items: make([]item, most+1)}
}

// set makes timer n fire at due, or now if that is past. An earlier time of n no longer counts.
func (t *timers) set(n uint32, due int64) {
	due = max(due, t.now)
	it := &t.items[n]
	if int64(it.due) == due {
		return
	}
	if it.due != 0 {
		t.unlink(n)
	}
	it.due = int32(due)
	t.link(n)
}

// clear stops timer n.
func (t *timers) clear(n uint32) {
	if t.items[n].due != 0 {
		t.unlink(n)
		t.items[n].due = 0
	}
}

// next returns a timer that fires now; 0: no timer is set.
func (t *timers) next() uint32 {
	for {
		n := t.slots[t.now&(horizon-1)]
		if n == 0 {
			return 0
		}
		t.unlink(n)
		it := &t.items[n]
		if int64(it.due) <= t.now {
			it.due = 0
			return n
		}
		t.link(n) // it was beyond the horizon
	}
}

func (t *timers) link(n uint32) {
	it := &t.items[n]
	it.slot = uint32(min(int64(it.due), t.now+horizon-1) & (horizon - 1))
	head := &t.slots[it.slot]
	if *head == 0 {
		*head, it.before, it.after = n, n, n
		return
	}
	first := &t.items[*head]
	it.before, it.after = first.before, *head
	t.items[first.before].after = n
	first.before = n
}

func (t *timers) unlink(n uint32) {
	it := &t.items[n]
	head := &t.slots[it.slot]
	switch {
	case it.after == n:
		*head = 0
		return
	case *head == n:
		*head = it.after
	}
	t.items[it.before].after = it.after
	t.items[it.after].before = it.before
}
