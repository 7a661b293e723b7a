package loop

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSlab(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s slab[int]
		held := map[uint32]int{}
		for n := range rapid.IntRange(1, 5000).Draw(t, "steps") {
			if len(held) == 0 || rapid.Float64Range(0, 1).Draw(t, "add") < 0.6 {
				i, v := s.add()
				if _, taken := held[i]; taken || i == 0 || *v != 0 {
					t.Fatalf("index %d, value %d", i, *v)
				}
				*v = n
				held[i] = n
			} else {
				for i := range held {
					s.remove(i)
					delete(held, i)
					break
				}
				s.trim()
			}
			if s.live != len(held) || s.live == 0 && s.high != 0 && len(s.chunks) != 0 {
				t.Fatalf("%d of %d, %d chunks", s.live, len(held), len(s.chunks))
			}
		}
		for i, want := range held {
			if got := *s.at(i); got != want {
				t.Fatalf("%d at %d, want %d", got, i, want)
			}
		}
	})
}

// Whatever comes and goes: between two visits of one index never lies more than the time of a sweep.
func TestSweep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const over = 25 * time.Second
		now := time.Unix(1000, 0)
		high := uint32(rapid.IntRange(1, 50).Draw(t, "high"))
		var s sweep
		s.begin(now)
		begun := now
		visited := map[uint32]time.Time{}
		passes := rapid.SampledFrom([]time.Duration{time.Second, 240 * time.Millisecond, 19 * time.Millisecond, time.Millisecond})
		for range 400 {
			// Something else may wake the loop before it has something to do, but it is never later than that.
			now = now.Add(passes.Draw(t, "passes"))
			if next := s.next(high, over); now.After(next) {
				now = next
			}
			if rapid.Float64Range(0, 1).Draw(t, "grows") < 0.1 {
				high++
			}
			for due := s.due(now, high, over); s.at < due; {
				s.at++
				if last, ok := visited[s.at]; ok && now.Sub(last) > over+2*tick+time.Millisecond {
					t.Fatalf("%d: %v between two visits", s.at, now.Sub(last))
				}
				visited[s.at] = now
			}
			if s.done(high) {
				s.begin(now)
				begun = now
			} else if next := s.next(high, over); next.Before(now) {
				t.Fatalf("%v ago something was due, and was not done", now.Sub(next))
			} else if end := begun.Add(over + time.Microsecond); next.After(end) {
				t.Fatalf("the next visit is %v after the end", next.Sub(end))
			}
		}
	})
}
