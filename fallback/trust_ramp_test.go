package fallback_test

import (
	"math"
	"testing"
	"time"

	"nudge/fallback"
)

func TestTrustStories(t *testing.T) {
	const h, d, x = fallback.Healthy, fallback.Degraded, fallback.Down
	type line struct {
		now  time.Duration
		push fallback.Push
		step int
		poll time.Duration
	}
	const s, m = time.Second, time.Minute
	for name, story := range map[string][]line{
		"earned step by step": {
			{0, x, 0, 10 * s},
			{1 * s, h, 0, 30 * s},
			{31*s - 1, h, 0, 30 * s},
			{31 * s, h, 1, 53348 * time.Millisecond},
			{31*s + 53*s, h, 1, 53348 * time.Millisecond},
			{31*s + 54*s, h, 2, 94868 * time.Millisecond},
			{4 * m, h, 3, 168702 * time.Millisecond},
			{7 * m, h, 4, 5 * m},
			{24 * 60 * m, h, 4, 5 * m},
			{25 * 60 * m, h, 4, 5 * m},
			{26 * 60 * m, h, 4, 5 * m},
		},
		"an outage takes all": {
			{0, h, 0, 30 * s},
			{1 * m, h, 1, 53348 * time.Millisecond},
			{2 * m, x, 0, 10 * s},
			{3 * m, d, 0, 30 * s},
			{4 * m, h, 0, 30 * s},
			{4*m + 29*s, h, 0, 30 * s},
			{4*m + 30*s, h, 1, 53348 * time.Millisecond},
		},
		"doubt takes one": {
			{0, h, 0, 30 * s},
			{30 * s, h, 1, 53348 * time.Millisecond},
			{2 * m, h, 2, 94868 * time.Millisecond},
			{3 * m, d, 1, 30 * s},
			{4 * m, d, 1, 30 * s},
			{5 * m, h, 1, 53348 * time.Millisecond},
			{5*m + 53*s, h, 1, 53348 * time.Millisecond},
			{5*m + 54*s, h, 2, 94868 * time.Millisecond},
			{6 * m, d, 1, 30 * s},
			{6*m + s, h, 1, 53348 * time.Millisecond},
			{7 * m, d, 0, 30 * s},
			{8 * m, h, 0, 30 * s},
			{9 * m, d, 0, 30 * s},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var trust fallback.Trust
			for i, l := range story {
				trust = trust.Follow(usual, l.push, at(l.now))
				poll := usual.Cadence(fallback.Input{Push: l.push, Share: 1, Step: trust.Step()}).Poll
				if trust.Step() != l.step || poll != l.poll {
					t.Fatalf("line %d, at %v: step %d, every %v; want %d, %v", i, l.now, trust.Step(), poll, l.step, l.poll)
				}
				if next := trust.Next(); !next.IsZero() && !next.After(at(l.now)) {
					t.Fatalf("line %d: the next step is due at %v already", i, next)
				}
			}
		})
	}
}

func TestTrustIsTakenOver(t *testing.T) {
	for taken, want := range map[int]int{-1: 0, 0: 0, 3: 3, 4: 4, 5: 4, math.MaxInt: 4} {
		trust := fallback.Trust{}.Follow(usual, fallback.Healthy, epoch).Take(taken).Follow(usual, fallback.Healthy, at(time.Second))
		if trust.Step() != want {
			t.Errorf("took %d: step %d", taken, trust.Step())
		}
		if trust.Take(1).Step() != max(want, 1) {
			t.Errorf("it fell from %d to %d", want, trust.Take(1).Step())
		}
	}
}
