package stream

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestExpiry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, from, to int64) time.Duration {
			return time.Duration(rapid.Int64Range(from*1e9, to*1e9).Draw(t, name))
		}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		leeway := seconds("leeway", 0, 600)
		expires := now.Add(seconds("left", -600, 100_000))
		var issued time.Time
		if !expires.Add(leeway).After(now) {
			t.Skip("not believed")
		}
		if rapid.Bool().Draw(t, "issued is said") {
			issued = expires.Add(-seconds("life", -10, 200_000))
		}
		u := rapid.Float64Range(0, 1).Draw(t, "u")
		at := Expiry(issued, expires, leeway, now, u)

		end := expires
		if !end.After(now) {
			end = end.Add(leeway)
		}
		left := end.Sub(now)
		if at.After(end) {
			t.Fatalf("%v after the end", at.Sub(end))
		}
		if at.Sub(now) < left/2 {
			t.Fatalf("%v of %v that are left", at.Sub(now), left)
		}
		life := left
		if issued.Before(now) && !issued.IsZero() {
			life = expires.Sub(issued)
		}
		if early := end.Sub(at); early > max(0, life/5)+1 {
			t.Fatalf("%v before the end of a life of %v", early, life)
		}
		if span := min(life/5, left/2); span > 0 {
			first, last := Expiry(issued, expires, leeway, now, 1), Expiry(issued, expires, leeway, now, 0)
			if !last.Equal(end) || end.Sub(first) != span {
				t.Fatalf("spread over %v, not %v", end.Sub(first), span)
			}
		}
	})
	if at := Expiry(time.Time{}, time.Time{}, time.Minute, time.Now(), 0.5); !at.IsZero() {
		t.Errorf("a caller without a token ends at %v", at)
	}
}

func TestUnixSecond(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		want uint32
	}{
		{time.Time{}, 0},
		{time.Unix(1, 0), 1},
		{time.Unix(-5, 0), 1}, // long ago is not never
		{time.Unix(1<<32-1, 0), 1<<32 - 1},
		{time.Unix(1<<32+5, 0), 1<<32 - 1},
		{time.Unix(1<<60, 0), 1<<32 - 1},
	} {
		if got := unixSecond(test.at); got != test.want {
			t.Errorf("%v: %d, want %d", test.at, got, test.want)
		}
	}
}
