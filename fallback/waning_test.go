package fallback_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/fallback"
)

func TestWaning(t *testing.T) {
	var w fallback.Waning
	for _, step := range []struct {
		after time.Duration
		rate  float64 // told
		comes float64
	}{
		{0, 100, 100},               // 3,000 browsers every 30 s
		{time.Second, 300, 300},     // more come at once
		{2 * time.Second, 100, 300}, // those who had set a poll within 10 s still make it
		{12999 * time.Millisecond, 100, 300},
		{13 * time.Second, 100, 100}, // 12 s after 300 was told last
		{14 * time.Second, 300, 300},
		{15 * time.Second, 200, 300},
		{20 * time.Second, 50, 300},
		{26 * time.Second, 50, 200}, // the steps between are not forgotten
		{33 * time.Second, 50, 50},
		{34 * time.Second, 0, 50},
		{110 * time.Second, 0, 0},
	} {
		if got := w.Follow(step.rate, 3000, 0.2, at(step.after)); math.Abs(got-step.comes) > 1e-6 {
			t.Errorf("after %v %v are told, %v come, want %v", step.after, step.rate, got, step.comes)
		}
	}
	w.Follow(300, 3000, 0.2, at(120*time.Second))
	if got := w.Follow(1, 30, 0.2, at(121*time.Second)); math.Abs(got-3) > 1e-6 {
		t.Errorf("of 3,000 browsers 30 are left, and %v come, want 3", got)
	}
	if got := w.Follow(0, 0, 0.2, at(200*time.Second)); got != 0 {
		t.Errorf("nobody is left, and %v come", got)
	}
	if next := w.Next(); !next.IsZero() {
		t.Errorf("nobody polls, and less is expected at %v", next)
	}
}

// Next is when the rate falls, neither sooner nor later.
func TestWaningNext(t *testing.T) {
	var w fallback.Waning
	w.Follow(300, 3000, 0.2, epoch)
	if math.Abs(w.Follow(100, 3000, 0.2, at(time.Second))-300) > 1e-6 || w.Next().Sub(at(12*time.Second)).Abs() > time.Millisecond {
		t.Errorf("falls at %v, want after 12 s", w.Next().Sub(epoch))
	}
	if got := w.Follow(100, 3000, 0.2, w.Next()); math.Abs(got-100) > 1e-6 || !w.Next().IsZero() {
		t.Errorf("then %v come, and fewer after %v", got, w.Next())
	}
}

// What comes is never less than what is told, never more than was told ever, and in the end what is told.
func TestWaningBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w fallback.Waning
		now, most := epoch, 0.0
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms")) * time.Millisecond)
			rate := rapid.Float64Range(0, 5000).Draw(t, "rate")
			most = max(most, rate)
			if comes := w.Follow(rate, 3000, 0.2, now); !(comes >= rate && comes <= most*(1+1e-9)) {
				t.Fatalf("%v are told, %v at most ever, and %v come", rate, most, comes)
			}
			if next := w.Next(); !next.IsZero() && !next.After(now) {
				t.Fatal("the next change is over")
			}
		}
		last := rapid.Float64Range(1, 5000).Draw(t, "last")
		w.Follow(last, 3000, 0.2, now)
		if comes := w.Follow(last, 3000, 0.2, now.Add(24*time.Hour)); math.Abs(comes-last) > 1e-6 {
			t.Fatalf("a day later %v come, where %v are told", comes, last)
		}
	})
}

// When push comes back, browsers still come by the interval that they had without it. That is no room for those whom hellos
// ask to poll.
func TestControllerWaitsForRoom(t *testing.T) {
	c := fallback.NewController(usual, true)
	decide := func(p fallback.Push, now time.Time) fallback.Decision {
		c.Judge(fallback.Verdict{Push: p, Echoed: true}, fallback.Strain{}, now)
		load := fallback.Load{}
		load.Streams[p] = 3000
		return c.Decide(fallback.Census{Load: load}, now)
	}
	if room := decide(fallback.Down, epoch).Room.Rate; room > 1 {
		t.Fatalf("room for %v when all poll as fast as they may", room)
	}
	d := decide(fallback.Degraded, at(time.Second))
	if d.Room.Rate > 1 || d.Interval > 101 {
		t.Errorf("room for %v as soon as the interval is longer, at which %v come", d.Room.Rate, d.Interval)
	}
	if want := at(12 * time.Second); d.Next.After(want) {
		t.Errorf("decides again %v later, when there is room", d.Next.Sub(epoch))
	}
	if room := decide(fallback.Degraded, at(12*time.Second)).Room.Rate; room < 199 {
		t.Errorf("room for %v when all have come", room)
	}
}
