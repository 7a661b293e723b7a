package shadow

import (
	"fmt"
	"strings"
	"testing"

	"nudge/version"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name string
		sums Sums
		want Verdict
		text string
	}{
		{"nothing", Sums{}, Collecting, "nothing seen yet: no page with push: 'shadow' has reported, which each does after one to two minutes"},
		{
			"the example",
			Sums{1900, 41_000, 39_852, 1148, 0, 1148 * 4100},
			Safe,
			"after 41,000 polls of 1,900 pages: 97.2 % empty, news 4.1 s earlier, 0 missed (with 95 % confidence fewer than 1 in 13,000 polls, 1 in 380 news): safe to switch",
		},
		{
			"one page",
			Sums{1, 1, 1, 0, 0, 0},
			Collecting,
			"not enough evidence yet: 1 of 3,000 polls needed, 0 of 300 news needed; after 1 poll of 1 page: 100 % empty, no news by push, 0 missed of 0 news",
		},
		{
			"few news",
			Sums{20, 3000, 2999, 299, 0, 0},
			Collecting,
			"not enough evidence yet: 299 of 300 news needed; after 3,000 polls of 20 pages: over 99.9 % empty, news 0.0 s earlier, 0 missed (with 95 % confidence fewer than 1 in 1,000 polls, 1 in 99 news)",
		},
		{"just enough", Sums{20, 3000, 2700, 300, 0, 0}, Safe, ""},
		{"few polls", Sums{20, 2999, 2699, 300, 0, 0}, Collecting, ""},
		{"one missed, too few to be sure", Sums{20, 3000, 2700, 300, 1, 0}, Unsafe, "not safe: push missed 1 of 300 news (0.3 %, 1.9 % at most"},
		{"one missed of many", Sums{20, 30_000, 27_000, 3000, 1, 0}, Safe, "1 missed of 3,000 news: safe to switch"},
		{"two missed of the first two", Sums{1, 20, 18, 2, 2, 0}, Collecting, "no news by push, 2 missed of 2 news"},
		{"nobody publishes", Sums{2, 40, 37, 3, 3, 0}, Unsafe, "push missed 3 of 3 news (100 %, 100 % at most with 95 % confidence; the limit is 1 %)"},
		{"all empty", Sums{1, 100_000, 100_000, 0, 0, 0}, Collecting, "0 of 300 news needed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Evidence{Sums: c.sums}.Summary(1)
			if s.Verdict != c.want || !strings.Contains(s.Text, c.text) {
				t.Errorf("%s: %q, want %s: %q", s.Verdict, s.Text, c.want, c.text)
			}
		})
	}
}

func TestSummaryOfProjects(t *testing.T) {
	e := Evidence{Sums: Sums{Polls: 100, News: 100, Missed: 50}, Projects: map[version.Project]Sums{}, Other: Sums{Polls: 7}}
	for i := range 15 {
		e.Projects[named(t, fmt.Sprintf("p%02d", i))] = Sums{Polls: int64(i + 1)}
	}
	e.Projects[named(t, "bad")] = Sums{Polls: 1, Missed: 2}
	s := e.Summary(3)
	if len(s.Projects) != 10 || s.Projects[0].Project != named(t, "bad") || s.Projects[1].Project != named(t, "p14") || s.Gateways != 3 {
		t.Errorf("%+v", s.Projects)
	}
	if want := int64(7 + 1 + 2 + 3 + 4 + 5 + 6); s.Other.Polls != want {
		t.Errorf("other: %d polls, want %d", s.Other.Polls, want)
	}
	if !strings.Contains(s.Text, "most of it of project bad;") {
		t.Error(s.Text)
	}
}
