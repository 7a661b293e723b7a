package limits

import (
	"testing"
	"time"
)

func TestRepeatGuard(t *testing.T) {
	var g RepeatGuard
	now, queued := time.Now(), 0
	ask := func(k Key) (time.Duration, bool) {
		return g.Take(k, now, func(bool) time.Duration {
			queued++
			return 10 * time.Second
		})
	}
	for range 100 {
		ask(1)
	}
	if queued != 8 {
		t.Errorf("one caller took %d places", queued)
	}
	now = now.Add(4 * time.Second)
	if wait, exhausted := ask(1); wait != 6*time.Second || !exhausted {
		t.Errorf("%v, exhausted: %v; 6s of the last answer are left", wait, exhausted)
	}
	if wait, exhausted := ask(2); wait != 10*time.Second || exhausted {
		t.Errorf("another caller: %v, exhausted: %v", wait, exhausted)
	}
	queued = 0
	for range 20 {
		ask(Nobody)
	}
	if queued != 20 {
		t.Errorf("callers without a name took %d places of 20", queued)
	}
	now = now.Add(6 * time.Second)
	if wait, exhausted := ask(1); wait != 10*time.Second || exhausted {
		t.Errorf("when its answers are over: %v, exhausted: %v", wait, exhausted)
	}
}
