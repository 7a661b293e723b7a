package fallback_test

import (
	"testing"
	"time"

	"nudge/fallback"
)

func TestSaturationStories(t *testing.T) {
	const s = time.Second
	late, later, ease := fallback.Lag{By: 1001 * time.Millisecond}, fallback.Lag{By: time.Hour}, fallback.Lag{}
	between := fallback.Lag{By: 500 * time.Millisecond}
	excused := fallback.Lag{By: time.Hour, Excused: true}
	type line struct {
		now  time.Duration
		lag  fallback.Lag
		over bool
	}
	for name, story := range map[string][]line{
		"five seconds of lag, thirty without": {
			{0, late, false},
			{2 * s, later, false},
			{4 * s, late, false},
			{5 * s, late, true},
			{6 * s, ease, true},
			{35 * s, ease, true},
			{36 * s, ease, false},
			{38 * s, ease, false},
		},
		"a hiccup is none":             {{0, late, false}, {4 * s, late, false}, {4500 * time.Millisecond, ease, false}, {6 * s, late, false}, {10 * s, late, false}, {11 * s, late, true}},
		"half at ease is neither":      {{0, late, false}, {5 * s, late, true}, {6 * s, between, true}, {90 * s, between, true}, {100 * s, ease, true}, {120 * s, late, true}, {140 * s, ease, true}},
		"and no lag":                   {{0, between, false}, {90 * s, between, false}},
		"a deploy is no lag":           {{0, excused, false}, {60 * s, excused, false}, {61 * s, late, false}, {65 * s, late, false}, {66 * s, late, true}},
		"nor does it end what was one": {{0, late, false}, {5 * s, late, true}, {6 * s, excused, true}, {60 * s, excused, true}, {61 * s, ease, true}, {91 * s, ease, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var sat fallback.Saturation
			for i, l := range story {
				if sat = sat.Follow(at(l.now), l.lag); sat.Over() != l.over {
					t.Fatalf("line %d, at %v: over %v", i, l.now, sat.Over())
				}
			}
		})
	}
}

func TestPulse(t *testing.T) {
	// beat ticks so many times, each so long after the other.
	beat := func(p fallback.TickMonitor, from time.Duration, n int, period time.Duration) (fallback.TickMonitor, time.Duration) {
		for range n {
			p = p.Tick(at(from))
			from += period
		}
		return p, from - period
	}
	const s = time.Second
	for _, tc := range []struct {
		name   string
		n      int
		period time.Duration
		up     time.Duration // since when, after the last tick, the way is open
		after  time.Duration // from the last tick
		silent bool
	}{
		{"never heard", 0, s, 0, time.Hour, false},
		{"heard too seldom to expect more", 4, s, 0, time.Hour, false},
		{"three may be missing", 5, s, 0, 3 * s, false},
		{"not more", 5, s, 0, 3*s + 1, true},
		{"a fast one", 50, 10 * time.Millisecond, 0, 300 * time.Millisecond, false},
		{"a fast one is gone", 50, 10 * time.Millisecond, 0, 301 * time.Millisecond, true},
		{"the slowest", 5, time.Minute, 0, 3*time.Minute + 1, true},
		{"slower is no tick", 9, 61 * s, 0, time.Hour, false},
		{"what could not be heard is not missing", 5, s, 60 * s, 63 * s, false},
		{"but it is when it could again", 5, s, 60 * s, 64 * s, true},
	} {
		p, last := beat(fallback.TickMonitor{}, 0, tc.n, tc.period)
		up, now := at(last+tc.up), at(last+tc.after)
		if got := p.Silent(up, now); got != tc.silent {
			t.Errorf("%s: silent %v", tc.name, got)
		}
		if due := p.Due(up); !due.IsZero() && (p.Silent(up, due.Add(-1)) || !p.Silent(up, due)) {
			t.Errorf("%s: not at %v, when it is due", tc.name, due.Sub(epoch))
		}
	}
	// One that begins again after a silence must be steady again first.
	p, last := beat(fallback.TickMonitor{}, 0, 9, s)
	if p = p.Tick(at(last + 10*s)); p.Silent(epoch, at(last+100*s)) {
		t.Error("one tick after a silence is a beat")
	}
	p, last = beat(p, last+11*s, 4, s)
	if !p.Silent(epoch, at(last+4*s)) {
		t.Error("a beat that began again is not missed")
	}
	// Two publishers that tick in turn, unevenly, are a beat too.
	p, last = fallback.TickMonitor{}, 0
	for range 20 {
		p = p.Tick(at(last)).Tick(at(last + 100*time.Millisecond))
		last += s
	}
	if p.Silent(epoch, at(last)) {
		t.Error("silent between two of theirs")
	}
	if !p.Silent(epoch, at(last+5*s)) {
		t.Error("both are gone")
	}
}
