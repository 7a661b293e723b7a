package fallback_test

import (
	"math"
	"testing"
	"time"

	"nudge/fallback"
)

func TestReconnectSpread(t *testing.T) {
	const least = 4 * time.Second
	for _, tc := range []struct {
		streams, gateways, perSecond int
		want                         time.Duration
	}{
		{0, 2, 0, least},
		{8000, 2, 0, least},
		{20_000, 2, 0, 10 * time.Second},
		{20_000, 0, 0, 20 * time.Second}, // nobody else: the one that is started again
		{20_000, -3, -3, 20 * time.Second},
		{20_000, 2, 500, 20 * time.Second},
		{20_000, 2, 1, time.Minute},
		{math.MaxInt, 1, 1, time.Minute},
		{-5, 1, 1, least},
		{1, math.MaxInt, math.MaxInt, least},
	} {
		if got := fallback.ReconnectSpread(tc.streams, tc.gateways, tc.perSecond, least); got != tc.want {
			t.Errorf("%d streams, %d gateways, %d a second: %v, want %v", tc.streams, tc.gateways, tc.perSecond, got, tc.want)
		}
	}
	if got := fallback.ReconnectSpread(math.MaxInt, 1, 1, time.Hour); got != time.Hour {
		t.Errorf("%v, want what is least", got)
	}
}
