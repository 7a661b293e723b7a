package fallback_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/fallback"
)

// ramp is the length of the ramps in the stories: 11 strides of 1 s.
const ramp = 11 * time.Second

func TestRampStories(t *testing.T) {
	type look struct {
		at    time.Duration
		share float64 // in strides
		left  time.Duration
	}
	up := fallback.NewRamp(false).Turn(true, ramp, epoch)
	down := fallback.NewRamp(true).Turn(false, ramp, epoch)
	back := up.Turn(false, ramp, at(5500*time.Millisecond))
	for _, tc := range []struct {
		name string
		ramp fallback.Ramp
		want []look
	}{
		{"nobody set anything", fallback.Ramp{}, []look{{0, 0, 0}, {time.Hour, 0, 0}}},
		{"a start with the flag on is no change", fallback.NewRamp(true), []look{{0, 11, 0}, {time.Hour, 11, 0}}},
		{"off to on", up, []look{
			{-time.Hour, 0, ramp},
			{0, 0, ramp},
			{time.Second - 1, 0, ramp - time.Second + 1},
			{time.Second, 1, ramp - time.Second},
			{5500 * time.Millisecond, 5, ramp - 5500*time.Millisecond},
			{ramp - 1, 10, 1},
			{ramp, 11, 0},
			{time.Hour, 11, 0},
		}},
		{"on to off", down, []look{
			{0, 11, ramp},
			{time.Second, 10, ramp - time.Second},
			{ramp - 1, 1, 1},
			{ramp, 0, 0},
		}},
		{"a change of mind goes on from where it is", back, []look{
			{5500 * time.Millisecond, 5, ramp},
			{10500 * time.Millisecond, 5. / 11 * 6, 6 * time.Second},
			{5500*time.Millisecond + ramp, 0, 0},
		}},
		{"a reload in the middle does not start again", up.Turn(true, ramp, at(5*time.Second)), []look{
			{5500 * time.Millisecond, 5, ramp - 5500*time.Millisecond},
			{ramp, 11, 0},
		}},
		{"over 0 is at once", fallback.NewRamp(false).Turn(true, 0, epoch), []look{{0, 11, 0}}},
		{"over 0 in the middle is at once too", up.Turn(true, 0, at(time.Second)), []look{{time.Second, 11, 0}}},
		{"less than 0 is at once", fallback.NewRamp(true).Turn(false, -time.Second, epoch), []look{{0, 0, 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, w := range tc.want {
				if got := tc.ramp.Share(at(w.at)); math.Abs(got-w.share/11) > 1e-12 {
					t.Errorf("at %v: share %v, want %v", w.at, got, w.share/11)
				}
				if got := tc.ramp.Left(at(w.at)); got != w.left {
					t.Errorf("at %v: %v left, want %v", w.at, got, w.left)
				}
			}
		})
	}
	if !up.On() || down.On() || back.On() {
		t.Error("a ramp does not know where it leads")
	}
}

func TestRampWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "over"))
		r := fallback.NewRamp(rapid.Bool().Draw(t, "from"))
		now := epoch
		for range rapid.IntRange(1, 4).Draw(t, "changes of mind") {
			was := r.Share(now)
			r = r.Turn(!r.On(), over, now)
			if got := r.Share(now); got != was {
				t.Fatalf("the turn itself moved the share from %v to %v", was, got)
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(over)).Draw(t, "pause")))
		}
		shares := []float64{r.Share(now)}
		for next := r.Next(now); !next.IsZero(); next = r.Next(now) {
			if !next.After(now) {
				t.Fatalf("at %v: next %v", now, next)
			}
			before, share := r.Share(next.Add(-1)), r.Share(next)
			last := shares[len(shares)-1]
			if before != last {
				t.Fatalf("moved before its time: %v, then %v", last, before)
			}
			if up := share > last; share != last && up != r.On() {
				t.Fatalf("from %v to %v on the way to %v", last, share, r.On())
			}
			if !(share >= 0 && share <= 1) || math.Abs(share-last) > 1./11+1e-9 && over >= 11 {
				t.Fatalf("from %v to %v in one step", last, share)
			}
			shares, now = append(shares, share), next
		}
		if len(shares) > 12 {
			t.Fatalf("%d shares: %v", len(shares), shares)
		}
		arrived := 0.0
		if r.On() {
			arrived = 1
		}
		if got := r.Share(now); got != arrived || r.Left(now) != 0 {
			t.Fatalf("ends at %v with %v left", got, r.Left(now))
		}
	})
}

// A share of 1 + 1e-16 would be out of range and count as none, so wherever two
// changes of mind leave a ramp, it must arrive to the last bit.
func TestRampArrivesExactly(t *testing.T) {
	for i := range 12 {
		for j := range 12 {
			first, second := at(time.Duration(i)*time.Second), at(time.Duration(i+j)*time.Second)
			r := fallback.NewRamp(true).Turn(false, ramp, epoch).Turn(true, ramp, first).Turn(false, ramp, second)
			if got := r.Share(second.Add(ramp)); got != 0 {
				t.Errorf("turned after %d and %d s: ends at %v, want 0", i, j, got)
			}
			r = r.Turn(true, ramp, second.Add(ramp/2))
			if got := r.Share(second.Add(2 * ramp)); got != 1 {
				t.Errorf("turned after %d and %d s: ends at %v, want 1", i, j, got)
			}
		}
	}
}
