package shadow

import (
	"math"
	"testing"
	"time"

	"nudge/version"
)

func named(t testing.TB, id string) version.Project {
	t.Helper()
	p, err := version.ParseProject(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInterval(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		low, high   float64
	}{
		{0, 0, 0, 1}, // nothing is known
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{5, 10, 0.2366, 0.7634},
		{81, 263, 0.2553, 0.3662}, // the example of Newcombe (1998)
		{-1, 10, 0, 0.2775},
		{11, 10, 0.7225, 1}, // nonsense stays within 0 and 1
		{math.MaxInt64, math.MaxInt64, 1, 1},
	} {
		low, high := Interval(c.part, c.whole)
		if math.Abs(low-c.low) > 0.0001 || math.Abs(high-c.high) > 0.0001 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.part, c.whole, low, high, c.low, c.high)
		}
	}
}

func TestAtMost(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        float64
	}{{0, 0, 1}, {0, 1, 1}, {0, 300, 0.01}, {0, 41_000, 3.0 / 41_000}, {1, 1000, 0.00564}, {10, 10, 1}} {
		if got := AtMost(c.part, c.whole); math.Abs(got-c.want) > 0.00001 {
			t.Errorf("%d of %d: %v, want %v", c.part, c.whole, got, c.want)
		}
	}
}

func TestLead(t *testing.T) {
	for _, c := range []struct {
		sums Sums
		want time.Duration
	}{
		{Sums{}, 0},
		{Sums{News: 2, Missed: 2}, 0},
		{Sums{News: 3, Missed: 1, LeadMS: 5000}, 2500 * time.Millisecond},
		{Sums{News: 1, LeadMS: 4100}, 4100 * time.Millisecond},
	} {
		if got := c.sums.Lead(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.sums, got, c.want)
		}
	}
}

func TestAdd(t *testing.T) {
	sum := Sums{1, 2, 3, 4, 5, 6}.Add(Sums{10, 20, 30, 40, 50, 60})
	if sum != (Sums{11, 22, 33, 44, 55, 66}) {
		t.Errorf("%+v", sum)
	}
	if n := (Sums{Polls: math.MaxInt64}).Add(Sums{Polls: 1}).Polls; n != math.MaxInt64 {
		t.Errorf("overflows to %d", n)
	}
}

func TestMerge(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	a := Evidence{Sums{Polls: 3}, noon, map[version.Project]Sums{named(t, "1"): {Polls: 2}, named(t, "2"): {Polls: 1}}, Sums{Polls: 1}}
	b := Evidence{Sums{Polls: 5}, noon.Add(-time.Hour), map[version.Project]Sums{named(t, "2"): {Polls: 4, Missed: 1}}, Sums{Polls: 1}}
	for _, m := range []Evidence{a.Merge(b), b.Merge(a), Evidence{}.Merge(a).Merge(b)} {
		if m.Polls != 8 || m.Other.Polls != 2 || !m.Since.Equal(b.Since) || m.Projects[named(t, "2")] != (Sums{Polls: 5, Missed: 1}) || m.Projects[named(t, "1")].Polls != 2 {
			t.Errorf("%+v", m)
		}
	}
	if a.Projects[named(t, "2")].Polls != 1 {
		t.Error("Merge changes what it merges")
	}
	if m := a.Merge(Evidence{}); !m.Since.Equal(noon) {
		t.Errorf("since %v", m.Since)
	}
}
