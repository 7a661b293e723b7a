package gateway

import "time"

// agenda is a queue of streams, each with something to be done at a time. Every entry is due as long after
// it came as all others, so the first to come is the first to be due.
type agenda struct {
	after   time.Duration
	entries []entry
	head    int // entries before it are done
}

type entry struct {
	tag
	due time.Time
}

func (a *agenda) add(i uint32, p *parked, now time.Time) {
	a.entries = append(a.entries, entry{tag{i, p.gen}, now.Add(a.after)})
}

// pop is the next stream that is due by now.
func (a *agenda) pop(now time.Time) (e entry, ok bool) {
	if a.head == len(a.entries) || now.Before(a.entries[a.head].due) {
		return e, false
	}
	e = a.entries[a.head]
	a.head++
	if a.head == len(a.entries) {
		*a = agenda{after: a.after}
	} else if 2*a.head > len(a.entries) { // under steady load it is never empty, and would grow for ever
		a.entries = append(a.entries[:0], a.entries[a.head:]...)
		a.head = 0
	}
	return e, true
}

// next is when the next one is due; zero: never.
func (a *agenda) next() time.Time {
	if a.head == len(a.entries) {
		return time.Time{}
	}
	return a.entries[a.head].due
}
