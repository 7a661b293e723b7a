package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	moduleLine = regexp.MustCompile(`(?m)^\t([a-zA-Z0-9._/-]+\.[a-zA-Z0-9._/-]+)( v\S+)?( // indirect)?$`)
	codeName   = regexp.MustCompile("`([^`]+)`")
)

// docs/dependencies.md has a row for each library and tool, and for none that is gone.
func TestDependenciesAreExplained(t *testing.T) {
	wanted, known := map[string]string{}, map[string]bool{} // names: the file that has them
	for _, file := range []string{"go.mod", ".ci/tools/go.mod", ".ci/deploy/go.mod"} {
		text, err := os.ReadFile("../../" + file)
		must(t, err)
		for _, m := range moduleLine.FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
			if m[3] == "" {
				wanted[m[1]] = file
			}
		}
	}
	text, err := os.ReadFile("../../web/package.json")
	must(t, err)
	var manifest struct{ DevDependencies map[string]string }
	must(t, json.Unmarshal(text, &manifest))
	for name := range manifest.DevDependencies {
		wanted[name], known[name] = "web/package.json", true
	}
	if len(wanted) < 40 {
		t.Errorf("only %d dependencies were found", len(wanted))
	}
	page, err := os.ReadFile("../../docs/dependencies.md")
	must(t, err)
	explained := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range codeName.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			explained[m[1]] = true
			if !known[m[1]] {
				t.Errorf("docs/dependencies.md explains %s, which nothing needs any more: remove it", m[1])
			}
		}
	}
	for name, file := range wanted {
		if !explained[name] {
			t.Errorf("%s has %s: say in docs/dependencies.md why, what it brings, and what would replace it", file, name)
		}
	}
}
