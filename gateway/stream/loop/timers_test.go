package loop

import (
	"testing"
	"time"
)

// A gateway that is never quite idle keeps little of what it has done.
func TestTimersKeepNothing(t *testing.T) {
	a := timers{after: time.Second}
	now := time.Now()
	var popped uint32
	for i := range uint32(10_000) {
		a.add(Tag{i, i}, now)
		now = now.Add(100 * time.Millisecond)
		for e, ok := a.pop(now); ok; e, ok = a.pop(now) {
			if e.Index != popped || e.Gen != popped {
				t.Fatalf("%d came in the place of %d", e.Index, popped)
			}
			popped++
		}
		if most := 2 * 11; len(a.queue) > most || cap(a.queue) > 2*most {
			t.Fatalf("after %d streams %d entries are kept, with room for %d; 10 are to do", i, len(a.queue), cap(a.queue))
		}
	}
	if popped != 9_991 && popped != 9_990 {
		t.Errorf("%d came out", popped)
	}
}
