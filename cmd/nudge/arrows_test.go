package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of ours each room may import.
var arrows = map[string][]string{
	"nudge/version":            {},
	"nudge/version/control":    {"nudge/version"},
	"nudge/version/publish":    {"nudge/version"},
	"nudge/version/redis":      {"nudge/version", "nudge/version/control", "nudge/version/publish"},
	"nudge/version/redistest":  {},
	"nudge/fallback":           {},
	"nudge/web":                {},
	"nudge/web/browser":        {},
	"nudge/web/demo":           {},
	"nudge/web/enginetest":     {}, // for tests
	"nudge/gateway":            {"nudge/version", "nudge/version/control", "nudge/fallback", "nudge/web"},
	"nudge/cmd/nudge":          {"nudge/version", "nudge/version/control", "nudge/version/redis", "nudge/fallback", "nudge/web", "nudge/web/demo", "nudge/gateway", "nudge/cmd/nudge/load", "nudge/cmd/nudge/simulate"},
	"nudge/cmd/nudge/load":     {},
	"nudge/cmd/nudge/simulate": {"nudge/fallback", "nudge/web/browser"},
	"nudge/cmd/nudge/faults":   {},
	"nudge/cmd/nudge/pace":     {"nudge/cmd/nudge/simulate", "nudge/fallback", "nudge/web/browser"}, // for tests
}

// homes says which one room may import a library.
var homes = map[string]string{
	"github.com/chromedp":              "nudge/web/enginetest",
	"github.com/coder/websocket":       "nudge/web/enginetest",
	"github.com/HdrHistogram":          "nudge/cmd/nudge/load",
	"golang.org/x/sys":                 "nudge/cmd/nudge/load nudge/gateway", // epoll
	"github.com/redis/go-redis":        "nudge/version/redis nudge/version/publish nudge/version/redistest",
	"github.com/go-chi":                "nudge/gateway",
	"github.com/golang-jwt/jwt":        "nudge/gateway nudge/cmd/nudge", // nudge token signs
	"github.com/prometheus":            "nudge/gateway",
	"github.com/spf13":                 "nudge/cmd/nudge",
	"github.com/go-viper/mapstructure": "nudge/cmd/nudge",
	"github.com/fsnotify/fsnotify":     "nudge/cmd/nudge",
	"go.yaml.in/yaml":                  "nudge/cmd/nudge",
}

func TestArrows(t *testing.T) {
	var said strings.Builder
	list := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "nudge/...")
	list.Stderr = &said
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, said.String())
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		room, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		allowed, known := arrows[room]
		if !known {
			t.Errorf("package %s is in no room; put it into one, or draw its arrows here", room)
		}
		seen[room] = true
		for path := range strings.FieldsSeq(imports) {
			if strings.HasPrefix(path, "nudge/") && !slices.Contains(allowed, path) {
				t.Errorf("%s must not import %s", room, path)
			}
			for library, home := range homes {
				inside := slices.ContainsFunc(strings.Fields(home), func(h string) bool {
					return room == h || strings.HasPrefix(room, h+"/")
				})
				if strings.HasPrefix(path, library) && !inside {
					t.Errorf("%s must not import %s; its home is %s", room, path, home)
				}
			}
		}
	}
	for room := range arrows {
		if !seen[room] {
			t.Errorf("there is no package %s; a typo in this table would let everything pass", room)
		}
	}
}
