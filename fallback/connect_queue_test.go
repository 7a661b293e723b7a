package fallback_test

import (
	"testing"
	"time"

	"nudge/fallback"
)

func TestQueue(t *testing.T) {
	var q fallback.Queue
	wait := func(perSecond int, now time.Duration) (d time.Duration) {
		q, d = q.Join(perSecond, at(now))
		return d
	}
	for i := range 30 {
		if got, want := wait(10, 0), time.Duration(i)*100*time.Millisecond; got != want {
			t.Fatalf("the %dth waits %v, want %v", i, got, want)
		}
	}
	if got := wait(10, 2*time.Second); got != time.Second {
		t.Errorf("2 s later: %v", got)
	}
	if got := wait(10, time.Hour); got != 0 {
		t.Errorf("when all have come: %v", got)
	}
	for range 1000 {
		wait(10, time.Hour)
	}
	if got := wait(10, time.Hour); got != time.Minute {
		t.Errorf("at the end of a long one: %v", got)
	}
	if got := wait(0, time.Hour); got != 0 {
		t.Errorf("without a limit: %v", got)
	}
	if got := wait(10, time.Hour); got != 0 {
		t.Errorf("a limit that is new: %v", got)
	}
}
