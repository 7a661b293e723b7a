package status

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The advice is that of docs/reasons.md, without its marks and links.
func TestAdvice(t *testing.T) {
	doc, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## Why push is not healthy")
	table, _, _ = strings.Cut(table, "\n## ")
	link, rows := regexp.MustCompile(`\[([\w.-]+)\]\([^)]*\)`), 0
	for _, row := range regexp.MustCompile("(?m)^\\| `([\\w-]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		plain := func(text string) string { return strings.ReplaceAll(link.ReplaceAllString(text, "docs/$1"), "`", "") }
		rows++
		if got := AdviceOn(row[1]); got == nil || got.Means != plain(row[2]) || got.Do != plain(row[3]) {
			t.Errorf("%s: %+v is not that of docs/reasons.md", row[1], got)
		}
	}
	if rows == 0 || rows != len(advice) {
		t.Errorf("docs/reasons.md has %d reasons, not %d", rows, len(advice))
	}
	if AdviceOn("") != nil {
		t.Error("healthy push needs no advice")
	}
}
