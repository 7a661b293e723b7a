package fallback_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/fallback"
)

// herd is browsers that hear news of one project each and poll for it by the protocol: once in a window of the spread
// that they were told, whose due time the first news fixes, and a second apart.
type herd struct {
	dice    *rand.Rand
	backlog fallback.Backlog
	windows []fallback.Window
	pages   []page
	of      [][]int       // pages by project
	due     map[int][]int // pages by the tick in which they may be due
	polls   []int         // in each tick
	longest time.Duration // spread that was told
	stale   time.Duration // the longest that a page knew of news and had not polled
}

// page is one of them. Times are since the start, and below 0 where there was none.
type page struct {
	start, end, due time.Duration // of its window
	waits           bool
	since, polled   time.Duration
}

const tick = 20 * time.Millisecond

// newHerd has projects of these sizes.
func newHerd(room fallback.Room, sizes ...int) *herd {
	h := &herd{dice: rand.New(rand.NewPCG(1, 2)), windows: make([]fallback.Window, len(sizes)), due: map[int][]int{}}
	h.backlog.Resize(room, epoch)
	for _, size := range sizes {
		var of []int
		for range size {
			of = append(of, len(h.pages))
			h.pages = append(h.pages, page{end: -1, polled: -time.Hour})
		}
		h.of = append(h.of, of)
	}
	return h
}

func (h *herd) news(project int, now time.Duration) time.Duration {
	spread := h.backlog.Announce(&h.windows[project], len(h.of[project]), at(now))
	h.longest = max(h.longest, spread)
	for _, i := range h.of[project] {
		p := &h.pages[i]
		if p.waits {
			continue
		}
		p.start, p.since, p.waits = max(now, p.end), now, true
		p.due = max(p.start+time.Duration(h.dice.Float64()*float64(spread)), p.polled+time.Second)
		p.end = p.start + spread
		h.due[int(p.due/tick)] = append(h.due[int(p.due/tick)], i)
	}
	return spread
}

// run lets time pass, with news in each tick.
func (h *herd) run(over time.Duration, each func(now time.Duration)) {
	for n := range int(over / tick) {
		now := time.Duration(n) * tick
		each(now)
		polls := 0
		for _, i := range h.due[n] {
			p := &h.pages[i]
			p.waits, p.polled = false, p.due
			h.stale = max(h.stale, p.due-p.since)
			polls++
		}
		delete(h.due, n)
		h.polls = append(h.polls, polls)
	}
}

// peak is the greatest number of polls within a second, and total that of all.
func (h *herd) peak() (peak, total int) {
	const second = int(time.Second / tick)
	sum := 0
	for i, n := range h.polls {
		sum += n
		total += n
		if i >= second {
			sum -= h.polls[i-second]
		}
		peak = max(peak, sum)
	}
	return peak, total
}

func every(d time.Duration, now time.Duration) bool { return now%d == 0 }

// Whatever is news, and however often: no second sees more polls than there is room for, but for chance, and everybody
// gets the newest within twice the spread.
func TestHerds(t *testing.T) {
	for _, tc := range []struct {
		name           string
		rate           float64
		projects, each int
		news           func(h *herd, now time.Duration)
		spread         time.Duration // the longest that may be told
		polls          int           // that there must be at least in a minute
	}{
		{"a small project that changes five times a second", 50, 1, 50, func(h *herd, now time.Duration) {
			if every(200*time.Millisecond, now) {
				h.news(0, now)
			}
		}, 2 * time.Second, 40 * 55},
		{"a thousand small projects at once", 483, 1000, 5, func(h *herd, now time.Duration) {
			for i := range h.of {
				if now == 0 {
					h.news(i, now)
				}
			}
		}, 33 * time.Second, 5000},
		{"a thousand small projects, each once a second", 483, 1000, 5, func(h *herd, now time.Duration) {
			for i := range h.of {
				if int(now/tick)%50 == i%50 {
					h.news(i, now)
				}
			}
		}, 33 * time.Second, 230 * 60},
		{"100,000 watchers, news each second", 9667, 1, 100_000, func(h *herd, now time.Duration) {
			if every(time.Second, now) {
				h.news(0, now)
			}
		}, 11_700 * time.Millisecond, 8500 * 60},
		{"a hundred advances a second over 5,000 projects", 2900, 5000, 6, func(h *herd, now time.Duration) {
			h.news(h.dice.IntN(5000), now)
			h.news(h.dice.IntN(5000), now)
		}, 0, 550 * 60},
		{"a large project beside busy small ones", 2900, 501, 60, func(h *herd, now time.Duration) {
			h.news(1+h.dice.IntN(500), now)
			if every(5*time.Second, now) {
				for i := range 200 { // one and the same project, as far as anybody can tell
					h.news(i, now)
				}
			}
		}, 33 * time.Second, 900 * 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHerd(fallback.Room{Rate: tc.rate, Browsers: tc.projects * tc.each, Longest: time.Minute}, slices.Repeat([]int{tc.each}, tc.projects)...)
			h.run(time.Minute, func(now time.Duration) { tc.news(h, now) })
			peak, total := h.peak()
			if most := tc.rate + 5*math.Sqrt(tc.rate); float64(peak) > most {
				t.Errorf("%d polls in a second, %.0f is the most", peak, most)
			}
			if total < tc.polls {
				t.Errorf("%d polls, want %d", total, tc.polls)
			}
			if h.longest > tc.spread {
				t.Errorf("a spread of %v, %v is the most", h.longest, tc.spread)
			}
			if most := 2*h.longest + time.Second + tick; h.stale > most {
				t.Errorf("stale for %v; the longest spread is %v", h.stale, h.longest)
			}
			t.Logf("peak %d of %.0f, %d polls, spread %v, stale %v", peak, tc.rate, total, h.longest, h.stale)
		})
	}
}

// Whoever watches what, and whatever is news when: no second, wherever it begins, sees more polls than there is room for,
// but for chance.
func TestRandomHerds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 10), rapid.IntRange(1, 300), rapid.IntRange(1, 6000)), 1, 40).Draw(t, "sizes")
		all := 0
		for _, size := range sizes {
			all += size
		}
		rate := rapid.Float64Range(max(100, 1.1*float64(all)/60), max(200, float64(all)/2)).Draw(t, "rate")
		room := fallback.Room{Rate: rate, Few: max(1, rate/100), Browsers: all, Longest: time.Minute}
		h := newHerd(room, sizes...)
		var periods []int // of news, in ticks
		for range sizes {
			periods = append(periods, rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 3000)).Draw(t, "period"))
		}
		h.run(time.Minute, func(now time.Duration) {
			for i, period := range periods {
				if h.dice.IntN(period) == 0 {
					h.news(i, now)
				}
			}
		})
		if peak, _ := h.peak(); float64(peak) > rate+6*math.Sqrt(rate) {
			t.Fatalf("%d polls in a second, where there is room for %.0f", peak, rate)
		}
	})
}

// What news of few costs is nothing: it never waits for a herd, and a herd leaves room for others.
func TestHerdDelaysNobody(t *testing.T) {
	const s = time.Second
	for _, tc := range []struct {
		name               string
		m, interval        float64
		browsers, herd, by int           // by: who stands by
		spread             time.Duration // of the herd, at most
	}{
		{"1,501 and one", 150.2, 50, 1502, 1501, 1, 23 * s},
		{"the same, and a budget of 100", 100, 50, 1502, 1501, 1, 35 * s},
		{"6,000 of 30,000", 3000, 100, 30_000, 6000, 30, 5 * s},
		{"all but 30 of 30,000", 3000, 100, 30_000, 29_970, 30, 12 * s},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b fallback.Backlog
			b.Resize(fallback.Room{Rate: tc.m - tc.interval, Few: max(1, tc.m/100), Browsers: tc.browsers, Longest: time.Minute}, epoch)
			var big, small fallback.Window
			for i := range 60 {
				now := at(time.Duration(i) * s)
				if got := b.Announce(&big, tc.herd, now); got > tc.spread {
					t.Errorf("second %d: a spread of %v", i, got)
				}
				if got := b.Announce(&small, tc.by, now.Add(s/2)); got != 0 {
					t.Fatalf("second %d: news of %d is spread over %v", i, tc.by, got)
				}
			}
			for range 10 { // herds of others, all at once
				b.Announce(new(fallback.Window), tc.browsers/10, at(60*s))
			}
			if got := b.Announce(&small, tc.by, at(60*s)); got != 0 {
				t.Errorf("among many herds news of %d is spread over %v", tc.by, got)
			}
		})
	}
}

// Hellos leave room for news, however many there are.
func TestHellosLeaveRoom(t *testing.T) {
	var b fallback.Backlog
	b.Resize(fallback.Room{Rate: 2900, Few: 30, Browsers: 30_000, Longest: time.Minute}, epoch)
	if got := b.Ask(3, epoch); got != 0 {
		t.Errorf("the first hello: %v", got)
	}
	for range 10_000 {
		b.Ask(3, epoch)
	}
	if got := b.Announce(new(fallback.Window), 600, epoch); got != 0 {
		t.Errorf("news of 600: %v", got)
	}
}

func TestBacklogAtItsEdges(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	const minute = time.Minute
	for _, tc := range []struct {
		name     string
		room     fallback.Room
		browsers int
		want     time.Duration
	}{
		{"nobody", fallback.Room{Rate: 50, Longest: minute}, 0, 0},
		{"little", fallback.Room{Rate: 50, Browsers: 1000, Longest: minute}, 20, 0},
		{"as long as it needs to fit", fallback.Room{Rate: 50, Browsers: 1000, Longest: minute}, 50, 2433 * time.Millisecond},
		{"but not longer than all need", fallback.Room{Rate: 50, Browsers: 100, Longest: minute}, 100, 2256 * time.Millisecond},
		{"more than there are", fallback.Room{Rate: 50, Browsers: 10, Longest: minute}, 100, 2256 * time.Millisecond},
		{"a fleet so small that nothing matters", fallback.Room{Rate: 50, Browsers: 40, Longest: minute}, 40, 0},
		{"never above longest", fallback.Room{Rate: 50, Browsers: 1_000_000, Longest: minute}, 1_000_000, minute},
		{"no room", fallback.Room{Browsers: 1000, Longest: minute}, 1, minute},
		{"less than no room", fallback.Room{Rate: -3, Browsers: 1000, Longest: minute}, 1, minute},
		{"no room and nobody known", fallback.Room{Longest: minute}, 1, minute},
		{"NaN", fallback.Room{Rate: nan, Browsers: 1000, Longest: minute}, 1, minute},
		{"room without end", fallback.Room{Rate: inf, Browsers: 1000, Longest: minute}, 1, minute},
		{"no longest", fallback.Room{Rate: 50, Browsers: 1000}, 1000, 0},
		{"a negative one", fallback.Room{Rate: 50, Browsers: 1000, Longest: -minute}, 1000, 0},
		{"a negative crowd", fallback.Room{Rate: 50, Browsers: -1000, Longest: minute}, -5, 0},
	} {
		var b fallback.Backlog
		b.Resize(tc.room, epoch)
		if got := b.Announce(new(fallback.Window), tc.browsers, epoch); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	var zero fallback.Backlog
	if got := zero.Announce(new(fallback.Window), 1000, epoch); got != 0 || zero.Pending(epoch) != 0 {
		t.Errorf("a backlog that nobody sized spreads over %v", got)
	}
}

// The backlog drains at the rate at which it was told to, and nothing is left of it.
func TestBacklogDrains(t *testing.T) {
	var b fallback.Backlog
	b.Resize(fallback.Room{Rate: 1000, Browsers: 20_000, Longest: time.Minute}, epoch)
	if got := b.Announce(new(fallback.Window), 20_000, epoch); got != 22_515*time.Millisecond {
		t.Fatalf("a spread of %v", got)
	}
	for second, want := range map[int]float64{0: 20_000, 5: 15_559, 10: 11_118, 23: 0, 100_000: 0} {
		c := b // a copy: times in any order
		if got := c.Pending(at(time.Duration(second) * time.Second)); math.Abs(got-want) > 300 {
			t.Errorf("after %d s: %v pending, want %v", second, got, want)
		}
	}
	if got := b.Announce(new(fallback.Window), 400, at(time.Minute)); got != 0 {
		t.Errorf("a spread of %v when all is over", got)
	}
}

// A second is a whole one, wherever it begins.
func TestBacklogCountsWholeSeconds(t *testing.T) {
	for _, begun := range []int{0, 1, 60, 124, 125} {
		var b fallback.Backlog
		b.Resize(fallback.Room{Rate: 100, Browsers: 1000, Longest: time.Minute}, epoch)
		if got := b.Announce(new(fallback.Window), 40, at(ms(begun))); got != 0 {
			t.Errorf("at %d ms: a spread of %v", begun, got)
		}
		later := b
		if got := b.Announce(new(fallback.Window), 40, at(ms(begun+999))); got == 0 {
			t.Errorf("at %d ms, and 999 ms later: twice as much as may come in a second", begun)
		}
		if got := later.Announce(new(fallback.Window), 40, at(ms(begun+1250))); got != 0 {
			t.Errorf("at %d ms, and 1,250 ms later: a spread of %v", begun, got)
		}
	}
}

// With another longest spread the backlog begins anew.
func TestBacklogBeginsAnew(t *testing.T) {
	var b fallback.Backlog
	room := fallback.Room{Rate: 1000, Browsers: 20_000, Longest: time.Minute}
	b.Resize(room, epoch)
	w := new(fallback.Window)
	b.Announce(w, 20_000, epoch)
	room.Longest = 10 * time.Minute
	b.Resize(room, at(time.Second))
	if got := b.Pending(at(time.Second)); got != 0 {
		t.Errorf("%v pending by another ruler", got)
	}
	if got := b.Announce(w, 400, at(time.Second)); got != 0 {
		t.Errorf("a spread of %v", got)
	}
}

// Whatever happens, spreads are whole and within their bounds, and the backlog is a number that ends at 0.
func TestBacklogStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b fallback.Backlog
		windows := make([]fallback.Window, 5)
		now := epoch
		longest := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(ms(rapid.OneOf(rapid.IntRange(0, 3000), rapid.IntRange(-1000, 200_000)).Draw(t, "later")))
			if rapid.IntRange(0, 9).Draw(t, "resize") == 0 || longest == 0 {
				longest = ms(rapid.IntRange(1000, 300_000).Draw(t, "longest"))
				b.Resize(fallback.Room{
					Rate: rapid.OneOf(rapid.Float64Range(0, 5000), anyFloat).Draw(t, "rate"), Browsers: rapid.IntRange(0, 1_000_000).Draw(t, "browsers"), Longest: longest,
				}, now)
			}
			w := &windows[rapid.IntRange(0, 4).Draw(t, "project")]
			before := *w
			spread := b.Announce(w, rapid.IntRange(0, 100_000).Draw(t, "watchers"), now)
			if spread%time.Millisecond != 0 || spread < 0 || spread > longest && before == (fallback.Window{}) {
				t.Fatalf("a spread of %v, %v is the longest", spread, longest)
			}
			if p := b.Pending(now); !(p >= 0) || math.IsInf(p, 0) {
				t.Fatalf("%v pending", p)
			}
		}
		if p := b.Pending(now.Add(time.Hour)); p > 1e-3 {
			t.Fatalf("%v pending an hour later", p)
		}
	})
}

func BenchmarkBacklog(b *testing.B) {
	var backlog fallback.Backlog
	backlog.Resize(fallback.Room{Rate: 2900, Browsers: 30_000, Longest: time.Minute}, epoch)
	windows := make([]fallback.Window, 5000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		backlog.Announce(&windows[i%5000], 6, epoch.Add(time.Duration(i)*10*time.Microsecond))
	}
}
