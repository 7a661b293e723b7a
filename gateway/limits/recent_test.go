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
			for k, v := range model {
				if !now.Before(v.until) {
					delete(model, k)
				}
			}
			k := Key(rapid.IntRange(1, 12).Draw(t, "key"))
			switch rapid.SampledFrom([]string{"put", "put", "delete", "count", "sweep"}).Draw(t, "what") {
			case "put":
				d := time.Duration(rapid.IntRange(1, 9000).Draw(t, "for")) * time.Millisecond
				v := rapid.IntRange(1, 100).Draw(t, "value")
				swept := r.swept
				_, known := model[k]
				switch had := r.Put(k, v, now, d); {
				case had:
					model[k] = value{v, now.Add(d)}
				case known:
					t.Fatalf("no room for %d, which is known", k)
				case len(model) < 8 && now.Sub(swept) >= time.Second:
					t.Fatalf("no room for %d beside %d", k, len(model))
				}
			case "delete":
				r.Delete(k)
				delete(model, k)
			case "count":
				if got := r.Count(now, func(int) bool { return true }); got != len(model) {
					t.Fatalf("%d, want %d", got, len(model))
				}
			case "sweep":
				r.Sweep(now)
			}
			if len(r.seen) > 8 {
				t.Fatalf("%d are remembered", len(r.seen))
			}
			for k := range Key(13) {
				v, left := r.Get(k, now)
				want := model[k]
				if v != want.v || left > 0 && !now.Add(left).Equal(want.until) || left == 0 && want.v != 0 {
					t.Fatalf("%d: %d for %v, want %+v", k, v, left, want)
				}
			}
		}
	})
}

// A crowd that finds no room makes it sweep once a second, not each time.
func TestRecentSweepsSeldom(t *testing.T) {
	r, now := Recent[int]{Most: 1}, time.Now()
	r.Put(1, 1, now, time.Hour)
	r.Put(2, 1, now, time.Hour)
	if r.swept != now {
		t.Fatal("it did not look for room")
	}
	r.Put(3, 1, now.Add(time.Millisecond), time.Hour)
	if r.swept != now {
		t.Error("it looked again within a millisecond")
	}
}
