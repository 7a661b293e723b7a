package fallback_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

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
	push := 0
	for _, f := range fallback.Faults() {
		if f == "" {
			t.Error("an empty fault")
		}
		if f.Push() {
			push++
		}
	}
	if push != 2 || !fallback.FaultDeaf.Push() || !fallback.FaultDelivery.Push() {
		t.Errorf("%d of them are push's own", push)
	}
}

// claim is one report: who, of which project, how many seconds after the epoch.
type claim struct {
	voter, project string
	second         int
}

// crowd are n voters, one a second from the given one on, spread over so many projects.
func crowd(n, projects, from int) (all []claim) {
	for i := range n {
		all = append(all, claim{fmt.Sprint("v", from, "-", i), fmt.Sprint("p", i%projects), from + i})
	}
	return all
}

func TestAudit(t *testing.T) {
	const window = 15 * 60
	for _, tc := range []struct {
		name   string
		audits float64
		claims []claim
		until  int // seconds after the epoch; 0: never demoted
	}{
		{"nobody", 0, nil, 0},
		{"three people, three projects", 0, crowd(3, 3, 1), 3 + window},
		{"three people, two projects", 0, crowd(3, 2, 1), 0},
		{"two people, many reports", 0, append(crowd(2, 2, 1), claim{"v1-0", "p7", 4}, claim{"v1-1", "p8", 5}), 0},
		{"one liar", 0, []claim{{"x", "a", 1}, {"x", "b", 2}, {"x", "c", 3}, {"x", "d", 4}}, 0},
		{"one project", 0, crowd(500, 1, 1), 0},
		{"one project and a liar", 0, append(crowd(500, 1, 1), claim{"x", "a", 501}, claim{"x", "b", 502}, claim{"x", "c", 503}), 0},
		{"a share", 10_000, crowd(200, 100, 1), 102 + window + 98},
		{"less than a share", 30_000, crowd(200, 100, 1), 0},
		{"a share but for one project", 10_000, append(crowd(500, 1, 1), crowd(99, 3, 1000)...), 0},
		{"too far apart", 0, []claim{{"a", "a", 1}, {"b", "b", 2}, {"c", "c", 1 + window}}, 0},
		{"just near enough", 0, []claim{{"a", "a", 1}, {"b", "b", 2}, {"c", "c", window}}, window + window},
		{"a vote again when the first is over", 0, []claim{
			{"a", "a", 1}, {"b", "b", 2}, {"c", "c", 3}, {"a", "a", window}, {"a", "a", window + 1},
		}, window + 1 + window},
		{"no share of infinitely many", math.Inf(1), crowd(10_001, 100, 0), 0},
		{"no number", math.NaN(), crowd(3, 3, 1), 3 + window},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := fallback.NewAudit()
			var until time.Time
			for _, c := range tc.claims {
				until = a.Vote(c.voter, c.project, tc.audits, at(time.Duration(c.second)*time.Second))
			}
			want := time.Time{}
			if tc.until > 0 {
				want = at(time.Duration(tc.until) * time.Second)
			}
			if !until.Equal(want) {
				t.Errorf("until %v, want %v", until.Sub(epoch), want.Sub(epoch))
			}
		})
	}
}

// Whatever a liar reports, and whatever one project's browsers do: it takes others to demote push.
func TestAuditNeedsWitnesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, now := fallback.NewAudit(), epoch
		audits := rapid.Float64Range(0, 100).Draw(t, "audits")
		for range rapid.IntRange(0, 200).Draw(t, "reports") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "pause")) * time.Second)
			voter, project := "liar", fmt.Sprint(rapid.IntRange(0, 50).Draw(t, "project"))
			if rapid.Bool().Draw(t, "honest") {
				voter, project = fmt.Sprint(rapid.IntRange(0, 50).Draw(t, "voter")), "never published"
			}
			if until := a.Vote(voter, project, audits, now); !until.IsZero() {
				t.Fatalf("demoted until %v", until)
			}
		}
	})
}

// More polls that found nothing never make the same reports weigh more, and what weighs is over in time.
func TestAuditIsMonotoneAndForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strict, lax, now := fallback.NewAudit(), fallback.NewAudit(), epoch
		few := rapid.Float64Range(0, 3000).Draw(t, "audits")
		many := few + rapid.Float64Range(0, 3000).Draw(t, "more")
		for range rapid.IntRange(0, 100).Draw(t, "reports") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "pause")) * time.Second)
			voter, project := fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "voter")), fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "project"))
			s, l := strict.Vote(voter, project, few, now), lax.Vote(voter, project, many, now)
			if l.After(s) {
				t.Fatalf("with %v audits until %v, with %v until %v", few, s, many, l)
			}
			if s.After(now.Add(15 * time.Minute)) {
				t.Fatalf("at %v demoted until %v", now, s)
			}
		}
		if f := strict.Findings(now.Add(15 * time.Minute)); f.Voters != 0 || f.Projects != 0 {
			t.Fatalf("not forgotten: %+v", f)
		}
	})
}

func TestAuditIsBounded(t *testing.T) {
	a := fallback.NewAudit()
	for i := range 30_000 {
		a.Vote(fmt.Sprint("v", i), fmt.Sprint("p", i/100), 0, epoch)
	}
	if f := a.Findings(epoch); f.Voters != 10_000 || f.Projects != 100 {
		t.Errorf("%+v", f)
	}
	// However many browsers there are, fewer votes than are kept suffice.
	a = fallback.NewAudit()
	var until time.Time
	for i := range 10_000 {
		until = a.Vote(fmt.Sprint("v", i), fmt.Sprint("p", i%100), math.MaxFloat64, epoch)
	}
	if until.IsZero() {
		t.Error("ten thousand voters demote nothing")
	}
}

func TestAudits(t *testing.T) {
	for _, tc := range []struct {
		streams int
		poll    time.Duration
		want    float64
	}{
		{1000, 5 * time.Minute, 3000},
		{1000, 15 * time.Minute, 1000},
		{1000, 30 * time.Second, 3000}, // a page reports a project once in five minutes
		{0, time.Minute, 0},
		{-1, 0, 0},
	} {
		if got := (fallback.Size{Own: tc.streams}).Audits(tc.poll); got != tc.want {
			t.Errorf("Audits(%d, %v) = %v, want %v", tc.streams, tc.poll, got, tc.want)
		}
	}
	// Reports may come to any gateway: ten with 100 streams each, of which this one has few.
	few := fallback.Size{Own: 3, Streams: 1000, Instances: 10}
	if got, want := few.Audits(time.Hour), (fallback.Size{Own: 100}).Audits(time.Hour); got != want {
		t.Errorf("%v of a share of 100, want %v", got, want)
	}
}

// What browsers missed makes push degraded for its time, and never better than its echoes are.
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
