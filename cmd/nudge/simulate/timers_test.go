package simulate

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is set, cleared and set anew happens once, in its millisecond, and in the order in which it was set.
func TestTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const numbers = 6
		w := newTimers(numbers)
		type entry struct {
			n   uint32
			due int64
		}
		var want []entry // in the order in which they were set
		forget := func(n uint32) {
			want = slices.DeleteFunc(want, func(e entry) bool { return e.n == n })
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			n := rapid.Uint32Range(1, numbers).Draw(t, "number")
			if rapid.Bool().Draw(t, "clear") {
				w.clear(n)
				forget(n)
			} else {
				due := w.now + rapid.Int64Range(-2, 20).Draw(t, "after")
				same := slices.Contains(want, entry{n, max(due, w.now)})
				w.set(n, due)
				if !same {
					forget(n)
					want = append(want, entry{n, max(due, w.now)})
				}
			}
			for range rapid.IntRange(0, 3).Draw(t, "pass") {
				for got := w.next(); got != 0; got = w.next() {
					at := slices.IndexFunc(want, func(e entry) bool { return e.due == w.now })
					if at < 0 || want[at].n != got {
						t.Fatalf("%d happens at %d, of %v", got, w.now, want)
					}
					forget(got)
				}
				if i := slices.IndexFunc(want, func(e entry) bool { return e.due <= w.now }); i >= 0 {
					t.Fatalf("%v did not happen by %d", want[i], w.now)
				}
				w.now++
			}
		}
	})
}

func TestTimersBeyondTheirHorizon(t *testing.T) {
	w := newTimers(2)
	w.set(1, 3*horizon)
	w.set(2, horizon/2)
	var happened []int64
	for ; w.now < 4*horizon; w.now++ {
		for n := w.next(); n != 0; n = w.next() {
			happened = append(happened, w.now)
		}
	}
	if !slices.Equal(happened, []int64{horizon / 2, 3 * horizon}) {
		t.Errorf("happened at %v", happened)
	}
}
