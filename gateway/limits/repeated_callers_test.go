package limits

import (
	"testing"
	"time"
)

func TestRepeatGuard(t *testing.T) {
	var g RepeatGuard
	now, queued := time.Now(), 0
	ann, ben, office := Counted{Key: 1}, Counted{Key: 2}, Counted{Key: 3, Network: true}
	ask := func(c Counted, wait time.Duration) (time.Duration, bool) {
		return g.Take(c, now, func(bool) time.Duration {
			queued++
			return wait
		})
	}
	places := func(c Counted) int {
		queued = 0
		for range 100 {
			ask(c, 6*time.Second)
		}
		return queued
	}
	if n := places(ann); n != 4 {
		t.Errorf("one caller took %d places", n)
	}
	if n := places(office); n != 4 {
		t.Errorf("a network took %d places", n)
	}
	if n := places(Counted{}); n != 100 {
		t.Errorf("callers whom nothing tells apart took %d places of 100", n)
	}
	now = now.Add(4 * time.Second)
	if wait, exhausted := ask(ann, 0); wait != 2*time.Second || !exhausted {
		t.Errorf("%v, exhausted: %v; 2s of the last answer are left", wait, exhausted)
	}
	if wait, exhausted := ask(ben, time.Second); wait != time.Second || exhausted {
		t.Errorf("another caller: %v, exhausted: %v", wait, exhausted)
	}
	now = now.Add(5 * time.Second)
	if wait, exhausted := ask(ann, time.Second); wait != 0 || !exhausted {
		t.Errorf("when its answers are over: %v, exhausted: %v", wait, exhausted)
	}
	now = now.Add(time.Second)
	if n := places(ann); n != 4 {
		t.Errorf("after ten seconds it took %d places", n)
	}
	if wait, exhausted := ask(ben, time.Minute); wait != time.Minute || exhausted {
		t.Errorf("%v, exhausted: %v", wait, exhausted)
	}
	now = now.Add(59 * time.Second)
	places(ben)
	now = now.Add(900 * time.Millisecond) // its first answer still holds
	if n := places(ben); n != 0 {
		t.Errorf("%d places while an answer holds", n)
	}
}
