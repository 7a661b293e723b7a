package shadow

import (
	"fmt"
	"testing"
	"time"
)

func report(t testing.TB, text string) Report {
	t.Helper()
	r, err := ParseReport([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestBook(t *testing.T) {
	var b RecentEvidence
	if e := b.Evidence(noon); e.Polls != 0 || !e.Since.IsZero() {
		t.Errorf("empty: %+v", e)
	}
	b.Add(report(t, `{"first":true,"polls":10,"empty":8,"news":2,"missed":1,"lead_ms":4000,"projects":{"42":1,"7":0}}`), noon)
	b.Add(report(t, `{"polls":5,"empty":5,"projects":{"42":0}}`), noon.Add(time.Hour))
	e := b.Evidence(noon.Add(2 * time.Hour))
	if e.Sums != (Sums{1, 15, 13, 2, 1, 4000}) || !e.Since.Equal(noon) {
		t.Errorf("%+v", e)
	}
	if e.Projects[named(t, "42")] != e.Sums || e.Projects[named(t, "7")] != (Sums{1, 10, 8, 2, 0, 4000}) {
		t.Errorf("%+v", e.Projects)
	}
}

// What is shown is at least the last day, and at most the last two.
func TestBookForgets(t *testing.T) {
	var b RecentEvidence
	for hour := range 60 {
		now := noon.Add(time.Duration(hour) * time.Hour)
		b.Add(report(t, `{"polls":1,"projects":{"42":0}}`), now)
		if e := b.Evidence(now); e.Polls < min(24, int64(hour)+1) || e.Polls > 48 || now.Sub(e.Since) > 48*time.Hour {
			t.Errorf("hour %d: %d polls since %v", hour, e.Polls, e.Since)
		}
	}
	if e := b.Evidence(noon.Add(60*time.Hour + 2*Period)); e.Polls != 0 || len(e.Projects) != 0 {
		t.Errorf("two days later: %+v", e)
	}
}

// However many projects are reported, few have sums of their own; those that miss news come first. No poll is lost.
func TestBookIsBounded(t *testing.T) {
	var b RecentEvidence
	for i := range 5000 {
		b.Add(report(t, fmt.Sprintf(`{"polls":1,"projects":{"%d":0}}`, i)), noon)
	}
	b.Add(report(t, `{"polls":2,"projects":{"0":0}}`), noon)
	b.Add(report(t, `{"polls":1,"news":1,"missed":1,"projects":{"bad":1}}`), noon)
	e := b.Evidence(noon)
	if len(e.Projects) != mostProjects || e.Projects[named(t, "bad")].Missed != 1 || e.Projects[named(t, "0")].Polls != 3 {
		t.Errorf("%d projects: %v", len(e.Projects), e.Projects)
	}
	sum := e.Other
	for _, s := range e.Projects {
		sum = sum.Add(s)
	}
	if sum != e.Sums || e.Polls != 5003 {
		t.Errorf("%+v in projects, %+v in all", sum, e.Sums)
	}
	for i := range mostProjects + 10 { // now all miss news
		b.Add(report(t, fmt.Sprintf(`{"polls":1,"news":1,"missed":1,"projects":{"bad%d":1}}`, i)), noon)
	}
	if e := b.Evidence(noon); len(e.Projects) != mostProjects {
		t.Errorf("%d projects", len(e.Projects))
	}
}
