package limits

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A Recent does what a map without bounds does, as long as there is room. When there is none, it keeps what it has.
func TestRecent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type value struct {
			v     int
			until time.Time
		}
		r, model := Recent[int]{Most: 8}, map[Key]value{}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			// There are as many that are not over for longer than this.
			known := func(over time.Duration) (n int) {
				for _, v := range model {
					if now.Before(v.until.Add(over)) {
						n++
					}
				}
				return n
			}
			k := Key(rapid.IntRange(1, 12).Draw(t, "key"))
			switch rapid.SampledFrom([]string{"put", "put", "delete", "count", "sweep"}).Draw(t, "what") {
			case "put":
				d := time.Duration(rapid.IntRange(1, 9000).Draw(t, "for")) * time.Millisecond
				v := rapid.IntRange(1, 100).Draw(t, "value")
				switch had := r.Put(k, v, now, d); {
				case had:
					model[k] = value{v, now.Add(d)}
				case now.Before(model[k].until):
					t.Fatalf("no room for %d, which is known", k)
				case known(time.Second) < 8:
					t.Fatalf("no room for %d beside %d", k, known(0))
				}
			case "delete":
				r.Delete(k)
				delete(model, k)
			case "count":
				if got := r.Len(now); got < known(0) || got > known(time.Second) {
					t.Fatalf("%d, want %d", got, known(0))
				}
			case "sweep":
				r.Sweep(now)
			}
			if len(r.seen) > 8 {
				t.Fatalf("%d are remembered", len(r.seen))
			}
			stands := 0
			for _, keys := range r.ends {
				stands += len(keys)
			}
			if stands < len(r.seen) {
				t.Fatalf("%d are remembered, and %d would ever be forgotten", len(r.seen), stands)
			}
			for k := range Key(13) {
				v, left := r.Get(k, now)
				want := model[k]
				if !now.Before(want.until) {
					want = value{}
				}
				if v != want.v || left > 0 && !now.Add(left).Equal(want.until) || left == 0 && want.v != 0 {
					t.Fatalf("%d: %d for %v, want %+v", k, v, left, want)
				}
			}
		}
	})
}

// Who is forgotten and remembered again, over and over, costs no more than a time's worth of it.
func TestRecentKeepsNoTraces(t *testing.T) {
	var r Recent[int]
	now := time.Now()
	for range 10_000 {
		now = now.Add(100 * time.Millisecond)
		r.Delete(1)
		r.Put(1, 1, now, time.Minute)
		r.Sweep(now)
	}
	stands := 0
	for _, keys := range r.ends {
		stands += len(keys)
	}
	if stands > 700 {
		t.Errorf("it stands in %d places", stands)
	}
}

// A caller may read the clock, and wait for a lock while others sweep.
func TestRecentForgetsTheLate(t *testing.T) {
	var r Recent[int]
	now := time.Now()
	r.Put(1, 1, now, time.Hour)
	r.Sweep(now.Add(5 * time.Second))
	r.Put(2, 1, now, time.Millisecond)
	if n := r.Len(now.Add(7 * time.Second)); n != 1 {
		t.Errorf("%d are remembered", n)
	}
}

// After a crowd, a few callers keep no map of the crowd's size.
func TestRecentShrinks(t *testing.T) {
	r, now := Recent[int]{}, time.Now()
	for k := range Key(5000) {
		r.Put(k+1, 0, now, time.Second)
	}
	r.Put(9000, 7, now, time.Hour)
	now = now.Add(3 * time.Second)
	if r.Sweep(now); r.grown != 1 {
		t.Errorf("room for %d callers is kept, and there is one", r.grown)
	}
	if v, left := r.Get(9000, now); v != 7 || left <= 0 {
		t.Error("the caller who stays is forgotten")
	}
}
