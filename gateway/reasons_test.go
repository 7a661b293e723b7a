package gateway_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/version"
)

// docs/reasons.md has every reason of the code, and no other.
func TestReasonsAreDocumented(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var push, ends, missed, page []string
	for _, r := range fallback.Reasons() {
		push = append(push, string(r))
	}
	for _, f := range version.Faults() {
		push = append(push, string(f))
	}
	for _, r := range stream.Reasons() {
		ends = append(ends, string(r))
	}
	for _, f := range fallback.Faults() {
		missed = append(missed, string(f))
	}
	_, union, _ := strings.Cut(read("../web/src/types.ts"), "export type Reason =")
	union, _, _ = strings.Cut(union, ";\n")
	for _, m := range regexp.MustCompile(`\| '(\w+)'`).FindAllStringSubmatch(union, -1) {
		page = append(page, m[1])
	}
	text := read("../docs/reasons.md")
	for column, want := range map[string][]string{
		"push reason": push, "end reason": ends, "code": closed["nudge_refused_total"]["code"], "limit": limits.Names(),
		"missed kind": missed, "page reason": page, "read": {"gap", "routine"},
	} {
		_, table, found := strings.Cut(text, "\n| "+column+" |")
		if !found {
			t.Errorf("no table of %s", column)
			continue
		}
		table, _, _ = strings.Cut(table, "\n\n")
		var got []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
			got = append(got, m[1])
		}
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if d := cmp.Diff(slices.Compact(want), got); d != "" {
			t.Errorf("%s: the code (-) and the page (+) differ\n%s", column, d)
		}
	}
}

// The lists are complete: every constant of their types is in them.
func TestListsOfReasonsAreComplete(t *testing.T) {
	for file, list := range map[string]int{"../fallback/push_reason.go": len(fallback.Reasons()), "../version/fault.go": len(version.Faults())} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(regexp.MustCompile(`(?m)^\t\w+ +(Reason|Fault) += "\w`).FindAll(text, -1)); n != list {
			t.Errorf("%s has %d constants, and a list of %d", file, n, list)
		}
	}
}
