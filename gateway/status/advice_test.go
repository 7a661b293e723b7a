package status

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"nudge/fallback"
)

// What the page says of missed news is in docs/reasons.md, too.
func TestMissedAdvice(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(string(doc), "## Why a poll found")
	for kind, row := range rows {
		if line := kind + ": ['"; !strings.Contains(string(files["status.js"]), line) || !strings.Contains(string(files["status.js"]), "', '"+row[1]+"'],") {
			t.Errorf("the page does not say of %s: %s", kind, row[1])
		}
	}
	if len(rows) != len(fallback.Faults()) {
		t.Errorf("docs/reasons.md has %d kinds", len(rows))
	}
}

// rowsOf are the rows of the table below a heading, without marks and links: what it means and what to do, by name.
func rowsOf(doc, heading string) map[string][2]string {
	_, table, _ := strings.Cut(doc, heading)
	table, _, _ = strings.Cut(table, "\n## ")
	link := regexp.MustCompile(`\[([\w.-]+)\]\([^)]*\)`)
	plain := func(text string) string { return strings.ReplaceAll(link.ReplaceAllString(text, "docs/$1"), "`", "") }
	rows := map[string][2]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([\\w-]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		rows[row[1]] = [2]string{plain(row[2]), plain(row[3])}
	}
	return rows
}

// The advice is that of docs/reasons.md, without its marks and links.
func TestAdvice(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(string(doc), "## Why push is not healthy")
	for reason, row := range rows {
		if got := AdviceOn(reason); got == nil || got.Means != row[0] || got.Do != row[1] {
			t.Errorf("%s: %+v is not that of docs/reasons.md", reason, got)
		}
	}
	if len(rows) != len(advice) {
		t.Errorf("docs/reasons.md has %d reasons, not %d", len(rows), len(advice))
	}
	if AdviceOn("") != nil {
		t.Error("healthy push needs no advice")
	}
}
