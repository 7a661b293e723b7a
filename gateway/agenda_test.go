package gateway

import (
	"testing"
	"time"
)

// A gateway that is never quite idle keeps little of what it has done.
func TestAgendaKeepsNothing(t *testing.T) {
	a := agenda{after: time.Second}
	now := time.Now()
	var popped uint32
	for i := range uint32(10_000) {
		a.add(i, &parked{gen: i}, now)
		now = now.Add(100 * time.Millisecond)
		for e, ok := a.pop(now); ok; e, ok = a.pop(now) {
			if e.index != popped || e.gen != popped {
				t.Fatalf("%d came in the place of %d", e.index, popped)
			}
			popped++
		}
		if most := 2 * 11; len(a.entries) > most || cap(a.entries) > 2*most {
			t.Fatalf("after %d streams %d entries are kept, with room for %d; 10 are to do", i, len(a.entries), cap(a.entries))
		}
	}
	if popped != 9_991 && popped != 9_990 {
		t.Errorf("%d came out", popped)
	}
}
