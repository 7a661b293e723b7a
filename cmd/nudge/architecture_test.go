package main

import (
	"os"
	"regexp"
	"testing"
)

// roomLine is a line of the table of rooms in docs/architecture.md.
var roomLine = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| ")

// docs/architecture.md lists every package of this module, and no other.
func TestArchitectureListsEveryPackage(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range roomLine.FindAllSubmatch(page, -1) {
		listed[string(m[1])] = true
	}
	all := packages(t)
	for name := range all {
		if !listed[name] {
			t.Errorf("docs/architecture.md does not say what %s is for: add a line to its table of rooms", name)
		}
	}
	for name := range listed {
		if _, ok := all[name]; !ok {
			t.Errorf("docs/architecture.md lists %s, which is no package: remove the line, or correct it", name)
		}
	}
}
