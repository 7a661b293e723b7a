package fallback_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nudge/fallback"
)

// usual is the default configuration.
var usual = fallback.Policy{
	Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second,
	Jitter: 0.2, Heartbeat: 25 * time.Second,
}

func TestCadenceStories(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	near := usual
	near.Slow = 20 * time.Second
	upside := usual
	upside.Slow = time.Second
	for _, tc := range []struct {
		name   string
		policy fallback.Policy
		push   fallback.Push
		share  float64
		want   time.Duration
	}{
		{"healthy push earns slow polls", usual, fallback.Healthy, 1, 5 * time.Minute},
		{"degraded push earns three fast ones", usual, fallback.Degraded, 1, 30 * time.Second},
		{"but never more than slow", near, fallback.Degraded, 1, 20 * time.Second},
		{"down earns nothing", usual, fallback.Down, 1, 10 * time.Second},
		{"off earns nothing", usual, fallback.Off, 1, 10 * time.Second},
		{"a state from nowhere earns nothing", usual, fallback.Push(9), 1, 10 * time.Second},
		{"slow below fast is fast", upside, fallback.Healthy, 1, 10 * time.Second},

		{"no share, no slowness", usual, fallback.Healthy, 0, 10 * time.Second},
		// 1/10 a second at share 0, 1/300 at 1: half of the way is 31/600.
		{"half the share, half the load", usual, fallback.Healthy, 0.5, 19355 * time.Millisecond},
		{"nine tenths", usual, fallback.Healthy, 0.9, 76923 * time.Millisecond},
		{"half the share while degraded", usual, fallback.Degraded, 0.5, 15 * time.Second},
		{"half the share while down", usual, fallback.Down, 0.5, 10 * time.Second},

		{"share NaN", usual, fallback.Healthy, nan, 10 * time.Second},
		{"share without end", usual, fallback.Healthy, inf, 10 * time.Second},
		{"share without beginning", usual, fallback.Healthy, -inf, 10 * time.Second},
		{"share above 1", usual, fallback.Healthy, 1.0000001, 10 * time.Second},
		{"share below 0", usual, fallback.Healthy, -0.0000001, 10 * time.Second},
		{"share minus 0", usual, fallback.Healthy, math.Copysign(0, -1), 10 * time.Second},
		{"share as small as can be", usual, fallback.Healthy, math.SmallestNonzeroFloat64, 10 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.policy.Cadence(fallback.Input{Push: tc.push, Share: tc.share, Step: fallback.Trusted})
			if got.Poll != tc.want || got.Fast != 10*time.Second {
				t.Errorf("poll %v, fast %v, want %v, 10s", got.Poll, got.Fast, tc.want)
			}
		})
	}
}

func TestCadenceIsWhole(t *testing.T) {
	odd := fallback.Policy{
		Fast: 1500*time.Millisecond + 1, Slow: 20*time.Second + 999_999, Jitter: 0.35, Heartbeat: 5*time.Second + 1,
		Gap: 250*time.Millisecond + 1,
	}
	for _, tc := range []struct {
		name   string
		policy fallback.Policy
		in     fallback.Input
		want   fallback.Cadence
	}{
		{
			"as configured", usual,
			fallback.Input{Push: fallback.Healthy, Share: 1, Step: fallback.Trusted},
			fallback.Cadence{
				Push: fallback.Healthy, Poll: 5 * time.Minute, Fast: 10 * time.Second,
				Gap: time.Second, Heartbeat: 25 * time.Second, Jitter: 0.2,
			},
		},
		{
			"nothing configured, nothing known",
			fallback.Policy{},
			fallback.Input{},
			fallback.Cadence{
				Push: fallback.Down, Poll: 10 * time.Second, Fast: 10 * time.Second,
				Heartbeat: 25 * time.Second,
			},
		},
		{
			"parts of a millisecond never make a poll come early or late", odd,
			fallback.Input{Push: fallback.Healthy, Share: 1, Step: fallback.Trusted},
			fallback.Cadence{
				Push: fallback.Healthy, Poll: 20 * time.Second, Fast: 1501 * time.Millisecond,
				Gap: 251 * time.Millisecond, Heartbeat: 5001 * time.Millisecond, Jitter: 0.35,
			},
		},
		{
			"a state from nowhere is told as down", usual,
			fallback.Input{Push: 77, Share: 1},
			fallback.Cadence{
				Push: fallback.Down, Poll: 10 * time.Second, Fast: 10 * time.Second,
				Gap: time.Second, Heartbeat: 25 * time.Second, Jitter: 0.2,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.policy.Cadence(tc.in)); diff != "" {
				t.Errorf("cadence (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCadenceJitter(t *testing.T) {
	for _, tc := range []struct{ configured, want float64 }{
		{0, 0},
		{0.2, 0.2},
		{0.999, 0.999},
		{1, 0.2},
		{-0.1, 0.2},
		{math.NaN(), 0.2},
		{math.Inf(1), 0.2},
		{math.Inf(-1), 0.2},
	} {
		if got := (fallback.Policy{Jitter: tc.configured}).Cadence(fallback.Input{}).Jitter; got != tc.want {
			t.Errorf("jitter %v became %v, want %v", tc.configured, got, tc.want)
		}
	}
}

func TestTTL(t *testing.T) {
	for _, tc := range []struct {
		fast time.Duration
		ttl  time.Duration
	}{
		{time.Millisecond, 6 * time.Millisecond},
		{time.Second, 6 * time.Second},
		{1001 * time.Millisecond, 6006 * time.Millisecond},
		{3 * time.Second, 18 * time.Second},
		{9999 * time.Millisecond, 59994 * time.Millisecond},
		{10 * time.Second, time.Minute},
		{time.Hour, time.Minute},
		{math.MaxInt64, time.Minute},
	} {
		c := fallback.Policy{Fast: tc.fast}.Cadence(fallback.Input{})
		if c.TTL() != tc.ttl {
			t.Errorf("fast %v: ttl %v, want %v", tc.fast, c.TTL(), tc.ttl)
		}
	}
}

// anyPolicy draws policies that a validated configuration may hold, and ones it
// may not.
func anyPolicy(t *rapid.T) fallback.Policy {
	d := rapid.OneOf(
		rapid.Map(rapid.IntRange(1, 3_600_000), ms),
		rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) }),
	)
	return fallback.Policy{
		Fast: d.Draw(t, "fast"), Slow: d.Draw(t, "slow"), Heartbeat: d.Draw(t, "heartbeat"),
		Gap: d.Draw(t, "gap"), Jitter: anyFloat.Draw(t, "jitter"),
	}
}

var anyFloat = rapid.OneOf(
	rapid.Float64Range(0, 1),
	rapid.Float64(),
	rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, 0.5}),
)

var anyPush = rapid.SampledFrom([]fallback.Push{
	fallback.Down, fallback.Degraded, fallback.Healthy, fallback.Off, 4, 255,
})

func TestCadenceStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		in := fallback.Input{Push: anyPush.Draw(t, "push"), Share: anyFloat.Draw(t, "share")}
		c := p.Cadence(in)
		if c.Fast <= 0 || c.Heartbeat <= 0 || c.Gap < 0 || c.Poll < c.Fast || c.Poll > max(c.Fast, p.Slow) {
			t.Fatalf("%+v makes %+v of %+v", p, c, in)
		}
		for _, d := range []time.Duration{c.Poll, c.Fast, c.Gap, c.Heartbeat} {
			if d%time.Millisecond != 0 {
				t.Fatalf("%v is not whole milliseconds", d)
			}
		}
		if !(c.Jitter >= 0 && c.Jitter < 1) {
			t.Fatalf("jitter %v", c.Jitter)
		}
		if c.Push > fallback.Off {
			t.Fatalf("push %d", uint8(c.Push))
		}
		if ttl := c.TTL(); ttl <= 0 || ttl > time.Minute {
			t.Fatalf("ttl %v", ttl)
		}
	})
}

func TestCadenceIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t)
		shares := rapid.Float64Range(0, 1)
		a, b := shares.Draw(t, "a"), shares.Draw(t, "b")
		low, high := min(a, b), max(a, b)
		var last time.Duration
		for _, push := range []fallback.Push{fallback.Down, fallback.Degraded, fallback.Healthy} {
			less := p.Cadence(fallback.Input{Push: push, Share: low, Step: fallback.Trusted}).Poll
			more := p.Cadence(fallback.Input{Push: push, Share: high, Step: fallback.Trusted}).Poll
			if less > more {
				t.Fatalf("%v: share %v gives %v, %v gives %v", push, low, less, high, more)
			}
			if more < last {
				t.Fatalf("%v gives %v, worse health gave %v", push, more, last)
			}
			last = more
		}
	})
}

// Every step of a ramp adds or takes the same number of polls per second.
func TestRampMovesTheLoadEvenly(t *testing.T) {
	r := fallback.NewRamp(true).Turn(false, time.Minute, epoch)
	rate := func(now time.Time) float64 {
		return 1 / usual.Cadence(fallback.Input{Push: fallback.Healthy, Share: r.Share(now), Step: fallback.Trusted}).Poll.Seconds()
	}
	want := (1./10 - 1./300) / 11
	now, seen := epoch, map[time.Duration]bool{}
	for next := r.Next(now); !next.IsZero(); next = r.Next(now) {
		if got := rate(next) - rate(now); math.Abs(got-want) > want/1000 {
			t.Errorf("at %v: %.6f polls/s more, want %.6f", next, got, want)
		}
		seen[time.Duration(1e9/rate(next))] = true
		now = next
	}
	if len(seen) != 11 || rate(now) != 0.1 {
		t.Errorf("%d steps, ends at %v polls/s", len(seen), rate(now))
	}
}
