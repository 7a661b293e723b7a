package limits_test

import (
	"slices"
	"testing"
	"time"

	"nudge/gateway/limits"
)

func TestGrowingDistance(t *testing.T) {
	t.Parallel()
	var g limits.GrowingDistance
	begun := time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)
	var told []time.Duration
	counts := 0
	every := func(from, to time.Duration) {
		for at := from; at <= to; at += 10 * time.Second {
			if n, tell := g.Happened(begun.Add(at)); tell {
				told = append(told, at)
				counts += n
			}
		}
	}
	every(0, 3*time.Hour)
	if want := []time.Duration{0, time.Minute, 11 * time.Minute, 71 * time.Minute, 131 * time.Minute}; !slices.Equal(told, want) {
		t.Errorf("told at %v, want %v", told, want)
	}
	if want := 131*6 + 1; counts != want {
		t.Errorf("%d are counted of %d", counts, want)
	}
	told = nil
	every(10*time.Hour, 10*time.Hour+2*time.Minute) // after a pause it begins anew
	if want := []time.Duration{10 * time.Hour, 10*time.Hour + time.Minute}; !slices.Equal(told, want) {
		t.Errorf("told at %v, want %v", told, want)
	}
}
