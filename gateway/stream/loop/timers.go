package loop

import "time"

// timers are streams that are due after a time. The time is the same for all, so they are due in the order in which they
// were added.
type timers struct {
	after time.Duration
	do    func(uint32, *record, time.Time) // what is due
	queue []timer
	done  int // elements of queue that were popped
}

type timer struct {
	Tag
	due int64 // Unix nanoseconds
}

func (t *timers) add(tag Tag, now time.Time) {
	t.queue = append(t.queue, timer{tag, now.Add(t.after).UnixNano()})
}

// pop returns the next stream that is due by now.
func (t *timers) pop(now time.Time) (tag Tag, ok bool) {
	if t.done == len(t.queue) || now.UnixNano() < t.queue[t.done].due {
		return tag, false
	}
	tag = t.queue[t.done].Tag
	t.done++
	if t.done == len(t.queue) {
		t.queue, t.done = nil, 0
	} else if 2*t.done > len(t.queue) { // under steady load the queue is never empty, and would grow for ever
		t.queue = append(t.queue[:0], t.queue[t.done:]...)
		t.done = 0
	}
	return tag, true
}

// next returns when the next stream is due; zero: never.
func (t *timers) next() time.Time {
	if t.done == len(t.queue) {
		return time.Time{}
	}
	return time.Unix(0, t.queue[t.done].due)
}
