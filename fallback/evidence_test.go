package fallback_test

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/fallback"
)

// Sleeping until Until must show the same changes as asking at every instant.
func TestHealthTellsWhenToLookAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := fallback.NewHealth(ms(rapid.IntRange(100, 5_000).Draw(t, "probe")))
		now := play(t, h)
		for range 3 {
			v := h.Verdict(now)
			if v.Until.IsZero() {
				if later := h.Verdict(now.Add(24 * time.Hour)); later != v {
					t.Fatalf("%+v was to stand, became %+v", v, later)
				}
				return
			}
			if !v.Until.After(now) {
				t.Fatalf("at %v: until %v", now, v.Until)
			}
			if before := h.Verdict(v.Until.Add(-1)); before != v {
				t.Fatalf("changed before its time: %+v, then %+v", v, before)
			}
			next := h.Verdict(v.Until)
			if next.Push == v.Push && next.Reason == v.Reason {
				t.Fatalf("nothing changed at %v: %+v", v.Until, v)
			}
			if next.Push > v.Push {
				t.Fatalf("silence mended push: %+v, then %+v", v, next)
			}
			now = v.Until
		}
		t.Fatal("still changing after three steps")
	})
}

// Without further news health only gets worse, and a reason is given exactly
// when push is not healthy.
func TestHealthIsHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := fallback.NewHealth(2 * time.Second)
		now := play(t, h)
		last := fallback.Healthy
		for range 80 {
			v := h.Verdict(now)
			if v.Push > last || v.Push == fallback.Off {
				t.Fatalf("%v after %v", v.Push, last)
			}
			if (v.Push == fallback.Healthy) != (v.Reason == fallback.ReasonNone) {
				t.Fatalf("%v because of %q", v.Push, v.Reason)
			}
			if v.Push != fallback.Down && now.Sub(v.LastEcho) > 5*time.Second {
				t.Fatalf("%v with an echo %v old", v.Push, now.Sub(v.LastEcho))
			}
			last, now = v.Push, now.Add(100*time.Millisecond)
		}
	})
}

// A model that looks at every tick, and so sees each outage while it happens,
// must agree with Health, which only looks when it is told something.
func TestHealthMissesNoOutage(t *testing.T) {
	const tick, late, deaf = 500, 3_000, 5_000
	rapid.Check(t, func(t *rapid.T) {
		h := fallback.NewHealth(2 * time.Second)
		sent, lost, row, wasDown := -1, -1, 0, false // the model
		for now := 20 * tick; now < 80*tick; now += tick {
			if sent >= 0 && (now-sent > deaf || lost >= sent) {
				wasDown = true
			}
			if sent >= 0 && now-sent > late {
				row = 0
			}
			switch rapid.SampledFrom([]string{"", "", "echo", "echo", "echo", "lost"}).Draw(t, "event") {
			case "echo":
				s := now - tick*rapid.SampledFrom([]int{0, 0, 0, 1, 5, 7, 11}).Draw(t, "age")
				h.Echo(at(ms(s)), at(ms(now)))
				if s <= max(sent, lost) || now-s > deaf {
					break
				}
				if sent = s; now-s > late {
					row = 0
					break
				}
				if row++; row >= 5 {
					wasDown = false
				}
			case "lost":
				h.Lost(fallback.ReasonSource, at(ms(now)))
				lost, row, wasDown = now, 0, wasDown || sent >= 0
			}
			want := fallback.Healthy
			switch {
			case sent < 0 || lost >= sent || now-sent > deaf:
				want = fallback.Down
			case wasDown || now-sent > late:
				want = fallback.Degraded
			}
			if got := h.Verdict(at(ms(now))); got.Push != want {
				t.Fatalf("at %d ms: %v (%q), want %v", now, got.Push, got.Reason, want)
			}
		}
	})
}

// play reports random things to h and returns the time at which it ends.
func play(t *rapid.T, h *fallback.Health) time.Time {
	now := epoch
	for range rapid.IntRange(0, 30).Draw(t, "events") {
		now = now.Add(ms(rapid.IntRange(0, 4_000).Draw(t, "pause")))
		if rapid.IntRange(0, 9).Draw(t, "event") == 0 {
			h.Lost(fallback.ReasonSource, now)
			continue
		}
		h.Echo(now.Add(-ms(rapid.IntRange(-500, 6_000).Draw(t, "age"))), now)
	}
	return now
}

func TestHealthIsSafeForConcurrentUse(t *testing.T) {
	h := fallback.NewHealth(time.Second)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				now := at(ms(i))
				h.Echo(now.Add(-ms(w)), now)
				if h.Verdict(now); i%100 == 0 {
					h.Lost(fallback.ReasonSource, now)
				}
			}
		})
	}
	wg.Wait()
	if v := h.Verdict(at(ms(500))); v.Push != fallback.Degraded && v.Push != fallback.Healthy {
		t.Errorf("after 99 echoes: %+v", v)
	}
}
