package stream

import (
	"testing"
	"time"
)

func TestCuts(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name string
		age  func(i int) time.Duration
		n    int
		want time.Duration
	}{
		{"all after 15 s", func(int) time.Duration { return 15 * s }, 40, 15 * s},
		{"renewed before 60 s", func(i int) time.Duration { return 54*s + time.Duration(i%6)*s }, 40, 56 * s},
		{"one in ten left by itself", func(i int) time.Duration {
			if i%10 == 0 {
				return time.Duration(i) * s
			}
			return 15 * s
		}, 40, 15 * s},
		{"more than the sample", func(int) time.Duration { return 15 * s }, 5 * cutSample, 15 * s},
		{"ordinary departures", func(i int) time.Duration { return time.Duration(i*i) * s / 4 }, 40, 0},
		{"reloads", func(int) time.Duration { return s }, 40, 0},
		{"few", func(int) time.Duration { return 15 * s }, cutFewest - 1, 0},
		{"the gateway's own time", func(int) time.Duration { return 58 * time.Minute }, 40, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cuts Cuts
			now := time.Unix(1_000_000, 0)
			minute := func() (got time.Duration) {
				for i := range c.n {
					end := now.Add(time.Duration(i) * cutPeriod / time.Duration(c.n+1))
					cuts.Opened(uint32(i), end.Add(-c.age(i)))
					got = max(got, cuts.Ended(uint32(i), true, time.Hour, end))
				}
				now = now.Add(cutPeriod)
				return got
			}
			minute()
			if got := minute(); got != c.want {
				t.Fatalf("found %v, want %v", got, c.want)
			}
			for range 50 {
				if minute() > 0 {
					t.Fatal("found twice within an hour")
				}
			}
		})
	}
}
