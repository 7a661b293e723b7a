package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/fallback"
)

func TestBlame(t *testing.T) {
	const none = -1
	for _, tc := range []struct {
		reported, believed, stored int64
		want                       fallback.Fault
	}{
		{125, 125, 125, fallback.FaultDelivery},
		{125, 130, 130, fallback.FaultDelivery},
		{125, 125, none, fallback.FaultDelivery}, // an application that only publishes
		{125, 125, 124, fallback.FaultDelivery},
		{125, 124, 125, fallback.FaultDeaf},
		{125, none, 125, fallback.FaultDeaf},
		{125, 124, 130, fallback.FaultDeaf},
		{125, 124, 124, fallback.FaultPublisher},
		{125, none, none, fallback.FaultPublisher},
		{125, 124, none, fallback.FaultPublisher},
		{0, none, none, fallback.FaultPublisher},
		{0, none, 0, fallback.FaultDeaf},
		{0, 0, none, fallback.FaultDelivery},
	} {
		if got := fallback.Blame(tc.reported, tc.believed, tc.stored); got != tc.want {
			t.Errorf("Blame(%d, %d, %d) = %q, want %q", tc.reported, tc.believed, tc.stored, got, tc.want)
		}
	}
}

func TestFaultsAreAClosedSet(t *testing.T) {
	seen := map[fallback.Fault]bool{}
	for _, f := range fallback.Faults() {
		if f == "" || seen[f] {
			t.Errorf("%q is empty, or comes twice", f)
		}
		seen[f] = true
	}
}

func TestDeafProjects(t *testing.T) {
	const window = 15 * 60
	type found struct {
		project string
		second  int
	}
	for _, tc := range []struct {
		name  string
		found []found
		until int // seconds after the epoch; 0: never degraded
	}{
		{"none", nil, 0},
		{"one", []found{{"a", 1}}, 0},
		{"one again and again", []found{{"a", 1}, {"a", 2}, {"a", 3}, {"a", 4}}, 0},
		{"two", []found{{"a", 1}, {"b", 2}, {"a", 3}, {"b", 4}}, 0},
		{"three", []found{{"a", 1}, {"b", 2}, {"c", 3}}, 3 + window},
		{"it goes on", []found{{"a", 1}, {"b", 2}, {"c", 3}, {"a", 600}}, 600 + window},
		{"too far apart", []found{{"a", 1}, {"b", 2}, {"c", 1 + window}}, 0},
		{"just near enough", []found{{"a", 1}, {"b", 2}, {"c", window}}, window + window},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d fallback.DeafProjects
			var until time.Time
			last := 0
			for _, f := range tc.found {
				until, last = d.Add(f.project, at(time.Duration(f.second)*time.Second)), f.second
			}
			want := time.Time{}
			if tc.until > 0 {
				want = at(time.Duration(tc.until) * time.Second)
			}
			if !until.Equal(want) {
				t.Errorf("until %v, want %v", until.Sub(epoch), want.Sub(epoch))
			}
			if n, _ := d.Count(at(time.Duration(last+window) * time.Second)); n != 0 {
				t.Errorf("%d are never forgotten", n)
			}
		})
	}
	var d fallback.DeafProjects
	for i := range 3000 {
		d.Add(fmt.Sprint("p", i), epoch)
	}
	if n, until := d.Count(epoch); n != 1000 || !until.Equal(at(window*time.Second)) {
		t.Errorf("%d are remembered, degraded until %v", n, until)
	}
}

// Missed news makes push degraded for its time, and never better than its echoes are.
func TestHealthMissed(t *testing.T) {
	h := fallback.NewHealth(2 * time.Second)
	h.Missed(at(ms(20_000)))
	if v := h.Verdict(at(0)); v.Push != fallback.Down || v.Reason != fallback.ReasonStarting {
		t.Errorf("without an echo: %+v", v)
	}
	h.Echo(at(ms(10_000)), at(ms(10_000)))
	h.Missed(at(ms(12_500)))
	for _, step := range []struct {
		now    int
		push   fallback.Push
		reason fallback.Reason
		until  int
	}{
		{10_000, fallback.Degraded, fallback.ReasonMissed, 13_000},
		{13_001, fallback.Degraded, fallback.ReasonLateEcho, 15_000},
		{15_001, fallback.Down, fallback.ReasonNoEcho, 0},
	} {
		v := h.Verdict(at(ms(step.now)))
		if v.Push != step.push || v.Reason != step.reason || step.until > 0 && v.Until.Truncate(time.Millisecond) != at(ms(step.until)) {
			t.Errorf("at %d ms: %+v", step.now, v)
		}
	}
	h = fallback.NewHealth(2 * time.Second)
	h.Echo(at(ms(10_000)), at(ms(10_000)))
	h.Missed(at(ms(12_500)))
	if v := h.Verdict(at(ms(10_000))); v.Reason != fallback.ReasonMissed || v.Until != at(ms(12_500)) {
		t.Errorf("%+v", v)
	}
	if v := h.Verdict(at(ms(12_500))); v.Push != fallback.Healthy {
		t.Errorf("its time is over: %+v", v)
	}
}
