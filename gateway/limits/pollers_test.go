package limits

import (
	"testing"
	"time"
)

// Each probe and each judgement of the pace asks how many poll. With as many as are remembered that must not take a
// walk over all of them: 400 of those took 1.4 s.
func TestCountingPollersIsCheap(t *testing.T) {
	var p Pollers
	now := time.Now()
	for i := range mostPollers {
		p.Polled(Key(i+1), true, time.Minute, now)
	}
	fastest := time.Hour
	for range 5 { // the machine may be busy for one of them
		begun := time.Now()
		for range 400 {
			if n := p.Polling(now); n != mostPollers {
				t.Fatalf("%d poll", n)
			}
		}
		fastest = min(fastest, time.Since(begun))
	}
	if fastest > 500*time.Millisecond {
		t.Errorf("400 took %v", fastest)
	}
}

// A caller counts until it is late for its next poll, however often it polled, and not once it has a stream.
func TestPollersCount(t *testing.T) {
	var p Pollers
	begun := time.Now()
	sure := func(now time.Time) { p.Polled(1, true, time.Minute, now) }
	unsure := func(now time.Time) { p.Polled(2, false, time.Minute, now) }
	nothing := func(time.Time) {}
	for _, step := range []struct {
		at   time.Duration
		do   func(time.Time)
		want int
	}{
		{0, sure, 1},
		{30 * time.Second, sure, 1},
		{149 * time.Second, nothing, 1},
		{151 * time.Second, nothing, 0},
		{200 * time.Second, unsure, 0}, // it may open a stream
		{201 * time.Second, unsure, 1},
		{202 * time.Second, func(time.Time) { p.Opened(2) }, 0},
		{203 * time.Second, unsure, 0},
		{204 * time.Second, func(now time.Time) { p.Polled(Nobody, true, time.Minute, now) }, 0},
	} {
		step.do(begun.Add(step.at))
		if got := p.Polling(begun.Add(step.at)); got != step.want {
			t.Errorf("after %v %d poll, want %d", step.at, got, step.want)
		}
	}
}
