package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var (
	keySpan      = regexp.MustCompile(`^([a-z_]+(?:\.[a-z_]+)+)(?::.*)?$`)
	variableSpan = regexp.MustCompile(`^(NUDGE_[A-Z0-9_]+)`)
	consoleSays  = regexp.MustCompile("console (?:says|has)[^`.|]*`([^`]+)`")
)

// Keys that are somebody else's, and names that only look like keys.
var notOurKeys = map[string]bool{"redis.options.prefix": true, "push.example.com": true}

// Every configuration key and every variable that the documentation names exists.
func TestDocumentedKeysExist(t *testing.T) {
	text, err := os.ReadFile("../../config.yaml")
	must(t, err)
	var sections map[string]any
	must(t, yaml.Unmarshal(text, &sections))
	keys, variables := map[string]bool{}, map[string]bool{"NUDGE_CONFIG": true, "NUDGE_CROWD": true} // the latter is of a test
	var add func(path string, value any)
	add = func(path string, value any) {
		keys[path] = true
		variables["NUDGE_"+strings.ToUpper(strings.ReplaceAll(path, ".", "_"))] = true
		inner, _ := value.(map[string]any)
		for name, v := range inner {
			add(path+"."+name, v)
		}
	}
	for name, v := range sections {
		add(name, v)
	}
	program := source(t, ".", ".go") + source(t, "../../version/redistest", ".go") // variables of tests, which contributors set
	seen := 0
	for page, lines := range documentedCode(t) {
		for _, line := range lines {
			if m := keySpan.FindStringSubmatch(line); m != nil && !notOurKeys[m[1]] && !strings.HasSuffix(m[1], ".go") {
				if section, _, _ := strings.Cut(m[1], "."); sections[section] != nil {
					seen++
					if !keys[m[1]] {
						t.Errorf("%s: %q: the configuration has no key %s", page, line, m[1])
					}
				}
			}
			if m := variableSpan.FindStringSubmatch(line); m != nil {
				seen++
				if !variables[strings.TrimSuffix(m[1], "_FILE")] && !strings.Contains(program, `"`+m[1]+`"`) {
					t.Errorf("%s: %q: nothing reads %s", page, line, m[1])
				}
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d keys and variables were found in the documentation", seen)
	}
}

// What the documentation says that the browser's console has, the shim says. "…" stands for what differs.
func TestDocumentedConsole(t *testing.T) {
	shim := source(t, "../../web/src", ".ts")
	seen := 0
	for _, page := range []string{"../../docs/troubleshooting.md", "../../docs/browser.md", "../../docs/reasons.md"} {
		text, err := os.ReadFile(page)
		must(t, err)
		for _, m := range consoleSays.FindAllStringSubmatch(strings.ReplaceAll(string(text), "\n", " "), -1) {
			seen++
			for part := range strings.SplitSeq(m[1], "…") {
				if part = strings.TrimSpace(part); !strings.Contains(shim, part) {
					t.Errorf("%s: the console never says %q", page, m[1])
				}
			}
		}
	}
	if seen == 0 {
		t.Error("the documentation quotes nothing of the console")
	}
}

// source is the text of all files below a folder whose names end so.
func source(t *testing.T, folder, end string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, end) || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	}))
	return all.String()
}
