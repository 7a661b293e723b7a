package fallback_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nudge/fallback"
)

// streams is a load of so many streams whose gateways say this of push.
func streams(n int, push fallback.Push) (l fallback.Load) {
	l.Streams[push] = n
	return l
}

func TestCapacity(t *testing.T) {
	budget := func(b float64) fallback.Policy {
		p := usual
		p.Budget = b
		return p
	}
	half := usual
	half.Longest = 5 * time.Second
	for _, tc := range []struct {
		name   string
		policy fallback.Policy
		load   fallback.Load
		want   float64
	}{
		{"nobody", usual, fallback.Load{}, 50},
		{"few", usual, streams(400, fallback.Healthy), 50},
		{"what it bore before", usual, streams(30_000, fallback.Healthy), 3000},
		{"whoever they are", usual, fallback.Load{Streams: [3]int{1000, 2000, 3000}, Lost: 2000, Polling: 2000}, 1000},
		{"a budget", budget(200), streams(10_000, fallback.Down), 200},
		{"a budget below what all make at longest", budget(200), streams(60_000, fallback.Down), 1000},
		{"a budget that is none", budget(math.NaN()), streams(30_000, fallback.Down), 3000},
		{"a budget without end", budget(math.Inf(1)), streams(30_000, fallback.Down), 3000},
		{"a budget below 0", budget(-1), streams(30_000, fallback.Down), 3000},
		{"longest below fast", half, streams(30_000, fallback.Down), 3000},
		{"negative crowds are nobody", usual, fallback.Load{Streams: [3]int{-5, -5, -5}, Lost: -9, Polling: math.MinInt}, 50},
		{"nothing configured", fallback.Policy{}, streams(30_000, fallback.Down), 3000},
	} {
		if got := tc.policy.Capacity(tc.load); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestRate(t *testing.T) {
	l := fallback.Load{Streams: [3]int{1000, 3000, 30_000}, Lost: 500, Polling: 500}
	for _, tc := range []struct {
		name string
		in   fallback.Input
		want float64
	}{
		{"trusted", fallback.Input{Share: 1, Step: fallback.Trusted}, 100 + 100 + 100 + 100},
		{"the first step", fallback.Input{Share: 1}, 100 + 100 + 1000 + 100},
		{"stretched twice", fallback.Input{Share: 1, Step: fallback.Trusted, Fast: 20 * time.Second}, 50 + 50 + 100 + 50},
		{"no share", fallback.Input{Step: fallback.Trusted}, 3500},
	} {
		if got := usual.Rate(l, tc.in); math.Abs(got-tc.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// A judgement is one line of a story of the stretch: what the load is at now, and what is told then.
type judgement struct {
	now  time.Duration
	load fallback.Load
	want time.Duration
}

func TestStretchStories(t *testing.T) {
	const s = time.Second
	tight := usual
	tight.Budget = 1000
	healthy, down := streams(30_000, fallback.Healthy), streams(30_000, fallback.Down)
	for name, story := range map[string]struct {
		policy fallback.Policy
		lines  []judgement
	}{
		"what the application bore before is never stretched": {usual, []judgement{
			{0, healthy, 10 * s}, {1, down, 10 * s}, {2, fallback.Load{Lost: 1_000_000, Polling: 1_000_000}, 10 * s},
		}},
		"at once when push is lost, late when it is back": {tight, []judgement{
			{0, healthy, 10 * s},
			{1 * s, down, 35832 * time.Millisecond}, // the first rung of 1.2ⁿ above 30 s
			{100 * s, down, 35832 * time.Millisecond},
			{101 * s, healthy, 35832 * time.Millisecond},
			{172 * s, healthy, 35832 * time.Millisecond},
			{173 * s, healthy, 10 * s},
		}},
		"a small change changes nothing": {tight, []judgement{
			{0, streams(15_000, fallback.Down), 17280 * time.Millisecond},
			{1 * s, streams(17_000, fallback.Down), 17280 * time.Millisecond},
			{2 * s, streams(12_000, fallback.Down), 17280 * time.Millisecond},
			{1000 * s, streams(10_000, fallback.Down), 17280 * time.Millisecond},
		}},
		"it shrinks as far as both paces fit": {tight, []judgement{
			{0, streams(30_000, fallback.Down), 35832 * time.Millisecond},
			{10 * s, streams(15_000, fallback.Down), 35832 * time.Millisecond},
			{82 * s, streams(15_000, fallback.Down), 29860 * time.Millisecond},
		}},
		"room must last": {tight, []judgement{
			{0, down, 35832 * time.Millisecond},
			{10 * s, healthy, 35832 * time.Millisecond},
			{70 * s, down, 35832 * time.Millisecond},
			{75 * s, healthy, 35832 * time.Millisecond},
			{140 * s, healthy, 35832 * time.Millisecond},
		}},
		"never above longest": {tight, []judgement{
			{0, streams(1_000_000, fallback.Down), 60 * s},
		}},
		"degraded streams count a third": {tight, []judgement{
			{0, streams(30_000, fallback.Degraded), 10 * s}, {1 * s, streams(33_000, fallback.Degraded), 12 * s},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var stretch fallback.Stretch
			for i, line := range story.lines {
				stretch = stretch.Follow(story.policy, line.load, fallback.Input{Share: 1, Step: fallback.Trusted}, at(line.now))
				if stretch.Fast() != line.want {
					t.Fatalf("line %d, at %v: %v, want %v", i, line.now, stretch.Fast(), line.want)
				}
			}
		})
	}
}

var anyLoad = rapid.Custom(func(t *rapid.T) fallback.Load {
	n := rapid.OneOf(rapid.IntRange(0, 100_000), rapid.SampledFrom([]int{-1, math.MinInt / 8, math.MaxInt / 8}))
	return fallback.Load{
		Streams: [3]int{n.Draw(t, "down"), n.Draw(t, "degraded"), n.Draw(t, "healthy")}, Lost: n.Draw(t, "lost"), Polling: n.Draw(t, "polling"),
	}
})

// Whatever comes, what is told lies between fast and longest, and all who go by it stay within the capacity, unless even
// the longest interval is too short.
func TestStretchKeepsTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		p.Longest = time.Duration(rapid.Int64().Draw(t, "longest"))
		p.Budget = rapid.OneOf(rapid.Float64Range(0, 10_000), anyFloat).Draw(t, "budget")
		var s fallback.Stretch
		now := epoch
		for range rapid.IntRange(1, 10).Draw(t, "judgements") {
			now = now.Add(ms(rapid.IntRange(0, 200_000).Draw(t, "later")))
			l := anyLoad.Draw(t, "load")
			in := fallback.Input{Share: anyFloat.Draw(t, "share"), Step: rapid.IntRange(-1, 6).Draw(t, "step")}
			before := s.Fast()
			s = s.Follow(p, l, in, now)
			in.Fast = s.Fast()
			c := p.Cadence(in)
			if c.Fast != s.Fast() || s.Fast() > max(c.Fast, p.Longest) {
				t.Fatalf("%v became %v", s.Fast(), c.Fast)
			}
			m, rate := p.Capacity(l), p.Rate(l, in)
			if !(m >= 0) || !(rate >= 0) || math.IsInf(m, 0) || math.IsInf(rate, 0) {
				t.Fatalf("capacity %v, rate %v", m, rate)
			}
			if rate > m*1.001 && s.Fast()+time.Millisecond <= p.Longest {
				t.Fatalf("%v polls/s of %v at %v", rate, m, s.Fast())
			}
			if old := in; before > s.Fast() {
				old.Fast = before
				if both := rate + p.Rate(l, old); both > m*1.002 {
					t.Fatalf("from %v to %v: %v polls/s of %v", before, s.Fast(), both, m)
				}
			}
		}
	})
}
