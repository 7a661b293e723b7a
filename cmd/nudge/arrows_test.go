package main

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of this module each package may import: names without "nudge/", separated by spaces.
// A new package needs a line here and one in docs/architecture.md.
var arrows = map[string]string{
	"cmd/nudge":                  "version version/control version/redis fallback web web/demo gateway gateway/auth cmd/nudge/load cmd/nudge/simulate",
	"cmd/nudge/faults":           "", // tests alone
	"cmd/nudge/load":             "",
	"cmd/nudge/pace":             "fallback cmd/nudge/simulate cmd/nudge/simulate/browser", // for tests
	"cmd/nudge/simulate":         "fallback cmd/nudge/simulate/browser",
	"cmd/nudge/simulate/browser": "",
	"fallback":                   "",
	"gateway":                    "version version/control fallback web gateway/auth gateway/pace",
	"gateway/auth":               "version version/control",
	"gateway/pace":               "version version/control fallback",
	"version":                    "",
	"version/control":            "version",
	"version/publish":            "version",
	"version/redis":              "version version/control version/publish",
	"version/redistest":          "", // for tests
	"web":                        "",
	"web/demo":                   "",
	"web/enginetest":             "", // for tests
}

// homes says which packages, with their sub-packages, may import a library: the same notation.
var homes = map[string]string{
	"github.com/HdrHistogram":          "cmd/nudge/load",
	"github.com/chromedp":              "web/enginetest",
	"github.com/coder/websocket":       "web/enginetest",
	"github.com/fsnotify/fsnotify":     "cmd/nudge",
	"github.com/go-chi":                "gateway",
	"github.com/go-viper/mapstructure": "cmd/nudge",
	"github.com/golang-jwt/jwt":        "gateway/auth cmd/nudge", // nudge token signs
	"github.com/prometheus":            "gateway",
	"github.com/redis/go-redis":        "version/redis version/publish version/redistest",
	"github.com/spf13":                 "cmd/nudge",
	"go.yaml.in/yaml":                  "cmd/nudge",
	"golang.org/x/sys":                 "cmd/nudge/load gateway", // epoll
}

// mostFiles is how many files a package has at most, tests aside. Those in crowded have more, for now, and must not grow.
const mostFiles = 20

var crowded = map[string]int{"cmd/nudge": 31, "cmd/nudge/load": 27, "fallback": 26, "gateway": 46, "version": 32}

type goPackage struct {
	files   int // tests aside, whatever system they are for
	imports []string
}

// packages are those of this module, by name without "nudge/".
func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	const module = "nudge/"
	var stderr strings.Builder
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}} {{join .Imports " "}}`, module+"...")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	all := map[string]goPackage{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		files, err := filepath.Glob(filepath.Join(fields[1], "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
		all[strings.TrimPrefix(fields[0], module)] = goPackage{len(files), fields[2:]}
	}
	if len(all) == 0 {
		t.Fatal("go list names no package of this module")
	}
	return all
}

func TestArrows(t *testing.T) {
	all := packages(t)
	for name, p := range all {
		list, known := arrows[name]
		if !known {
			t.Errorf("package %s is not in the table of arrows: add a line that says what it may import", name)
		}
		for _, path := range p.imports {
			ours, inside := strings.CutPrefix(path, "nudge/")
			if inside && !slices.Contains(strings.Fields(list), ours) {
				t.Errorf("%s must not import %s: turn the dependency round, or draw the arrow in the table", name, ours)
			}
			for library, home := range homes {
				if strings.HasPrefix(path, library) && !within(name, home) {
					t.Errorf("%s must not import %s: only %s may", name, path, home)
				}
			}
		}
		if most := max(mostFiles, crowded[name]); p.files > most {
			t.Errorf("%s has %d files, %d are the most: merge some, or make a package of those that belong together", name, p.files, most)
		}
	}
	// A name that is misspelt in a table would let everything pass.
	for from, list := range arrows {
		exist(t, all, "arrows["+from+"]", from+" "+list)
	}
	for library, list := range homes {
		exist(t, all, "homes["+library+"]", list)
		used := false
		for _, p := range all {
			used = used || slices.ContainsFunc(p.imports, func(path string) bool { return strings.HasPrefix(path, library) })
		}
		if !used {
			t.Errorf("nothing imports %s: take it out of the table of homes", library)
		}
	}
	exist(t, all, "crowded", strings.Join(slices.Collect(maps.Keys(crowded)), " "))
}

func exist(t *testing.T, all map[string]goPackage, table, names string) {
	t.Helper()
	for _, name := range strings.Fields(names) {
		if _, ok := all[name]; !ok {
			t.Error(fmt.Sprint(table, " names ", name, ", which is no package: correct it"))
		}
	}
}

// within tells whether a package is one of these, or below one.
func within(name, list string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(home string) bool {
		return name == home || strings.HasPrefix(name, home+"/")
	})
}
