package fallback_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/fallback"
)

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
			last := 0
			for _, f := range tc.found {
				last = f.second
				d.Add(f.project, at(time.Duration(last)*time.Second))
			}
			_, until := d.Count(at(time.Duration(last) * time.Second))
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
