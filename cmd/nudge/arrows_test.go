package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nudge/internal/exectest"
)

// arrows says which packages of this module each package may import: names without "nudge/"; *: all.
// A new package needs a line here and one in docs/architecture.md.
const arrows = `
clients/clienttest: * # for tests
clients/conformance: # tests alone
clients/go/conformance: version clients/go/publish clients/go/polls clients/go/token # for tests
clients/go/internal/breaker:
clients/go/outbox: version clients/go/publish
clients/go/polls: version version/publish clients/go/publish clients/go/internal/breaker
clients/go/publish: version version/publish clients/go/internal/breaker
clients/go/publishtest: version # for tests of applications
clients/go/token: version
clients/node: # tests alone
clients/php: # tests alone
clients/python: # tests alone
clients/ruby: # tests alone
cmd/nudge: * # it wires
cmd/nudge/audit: cmd/nudge/simulate cmd/nudge/terminal fallback internal/quantity
cmd/nudge/config: clients/go/token # what a secret is
cmd/nudge/doctor:
cmd/nudge/faults: # tests alone
cmd/nudge/listen: gateway/limits gateway/stream/parked
cmd/nudge/load: cmd/nudge/load/sse cmd/nudge/terminal internal/quantity
cmd/nudge/load/sse:
cmd/nudge/loglimit:
cmd/nudge/outage: version
cmd/nudge/simulate: fallback gateway/limits internal/quantity version cmd/nudge/simulate/browser
cmd/nudge/simulate/browser:
cmd/nudge/simulate/replay: fallback cmd/nudge/simulate cmd/nudge/simulate/browser # for tests
cmd/nudge/systemd:
cmd/nudge/terminal: internal/quantity
cmd/nudge/tracing: version
fallback:
gateway: version version/control fallback web gateway/auth gateway/auth/jwks gateway/limits gateway/pace gateway/rollout gateway/shadow gateway/shim gateway/status gateway/stream gateway/stream/loop gateway/stream/parked gateway/stream/goroutine internal/quantity
gateway/auth: version version/control gateway/auth/jwks gateway/limits # for keys of names
gateway/auth/jwks:
gateway/limits:
gateway/pace: version version/control fallback gateway/limits
gateway/rollout: version/control
gateway/shadow: version internal/quantity
gateway/shim: web
gateway/status: version fallback web
gateway/stream: version
gateway/stream/goroutine: version gateway/stream gateway/stream/loop
gateway/stream/loop: version gateway/stream
gateway/stream/parked: gateway/stream gateway/stream/loop
internal/apitest: # for tests
internal/exectest: # for tests
internal/quantity:
internal/secrettest: # for tests
version:
version/control: version
version/publish: version
version/redis: version version/control version/publish
version/redistest: internal/exectest # for tests
web:
web/demo: web # for its headers
web/enginetest: internal/exectest # for tests
`

// homes says which packages may import a library. name/...: with its sub-packages.
const homes = `
github.com/HdrHistogram: cmd/nudge/load
github.com/cespare/xxhash/v2: cmd/nudge/audit
github.com/chromedp: web/enginetest
github.com/coder/websocket: web/enginetest
github.com/fsnotify/fsnotify: cmd/nudge/config
github.com/go-chi: gateway
github.com/golang-jwt/jwt: gateway/auth cmd/nudge clients/go/token # nudge token signs
github.com/klauspost/compress: cmd/nudge/audit
github.com/pires/go-proxyproto: cmd/nudge/listen
github.com/prometheus: gateway
github.com/redis/go-redis: version/redis version/publish version/redistest clients/go/conformance clients/go/polls clients/go/publish
github.com/santhosh-tekuri/jsonschema: internal/apitest
github.com/spf13/cobra: cmd/nudge
github.com/spf13/pflag: cmd/nudge
github.com/spf13/viper: cmd/nudge/config
github.com/tmaxmax/go-sse: cmd/nudge cmd/nudge/doctor
go.opentelemetry.io: cmd/nudge/tracing
go.yaml.in/yaml: cmd/nudge/config internal/apitest
golang.org/x/sync: cmd/nudge gateway version/...
golang.org/x/sys: cmd/nudge/load gateway/stream/parked # epoll
golang.org/x/term: cmd/nudge/terminal
golang.org/x/time: gateway/... cmd/nudge/listen
`

// table reads lines such as "name: word word # why".
func table(text string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if name, words, ok := strings.Cut(line, ":"); ok {
			all[strings.TrimSpace(name)] = strings.Fields(words)
		}
	}
	return all
}

// mostFiles is how many files a package has at most, tests aside.
const mostFiles = 20

type goPackage struct {
	files      int // tests aside, whatever system they are for
	documented bool
	imports    []string
}

// packages are those of this module, by name without "nudge/".
func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	const module = "nudge/"
	var stderr strings.Builder
	list := exectest.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}} {{ne .Doc ""}} {{join .Imports " "}}`, module+"...")
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
		all[strings.TrimPrefix(fields[0], module)] = goPackage{len(files), fields[2] == "true", fields[3:]}
	}
	if len(all) == 0 {
		t.Fatal("go list names no package of this module")
	}
	return all
}

func TestArrows(t *testing.T) {
	all, mayImport, homeOf := packages(t), table(arrows), table(homes)
	used := map[string]bool{}
	for name, p := range all {
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table of arrows: add a line that says what it may import", name)
		}
		for _, path := range p.imports {
			if ours, inside := strings.CutPrefix(path, "nudge/"); inside {
				if !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
					t.Errorf("%s must not import %s: turn the dependency round, or draw the arrow in the table", name, ours)
				}
				continue
			}
			if host, _, _ := strings.Cut(path, "/"); !strings.Contains(host, ".") {
				continue // the standard library
			}
			library, ok := libraryOf(path, homeOf)
			if !ok {
				t.Errorf("%s imports %s, which has no home: say in the table which package may import it", name, path)
				continue
			}
			used[library] = true
			if !slices.ContainsFunc(homeOf[library], func(home string) bool {
				above, all := strings.CutSuffix(home, "/...")
				return name == above || all && strings.HasPrefix(name, above+"/")
			}) {
				t.Errorf("%s must not import %s: only %v may", name, path, homeOf[library])
			}
		}
		if p.files > 0 && !p.documented {
			t.Errorf("%s has no package comment: say in doc.go what it is about", name)
		}
		if p.files > mostFiles {
			t.Errorf("%s has %d files, %d are the most: merge some, or make a package of those that belong together", name, p.files, mostFiles)
		}
	}
	// A name that is misspelt in a table would let everything pass.
	exist := func(table string, names ...string) {
		for _, name := range names {
			if _, ok := all[strings.TrimSuffix(name, "/...")]; !ok && name != "*" {
				t.Errorf("%s names %s, which is no package: correct it", table, name)
			}
		}
	}
	for from, to := range mayImport {
		exist("arrows", from)
		exist("arrows", to...)
	}
	for library, home := range homeOf {
		exist("homes", home...)
		if !used[library] {
			t.Errorf("nothing imports %s: take it out of the table of homes", library)
		}
	}
}

// Who looks for a name, or adds one, knows where it stands.
func TestArrowsAreSorted(t *testing.T) {
	for _, text := range []string{arrows, homes} {
		last := ""
		for line := range strings.Lines(text) {
			name, _, _ := strings.Cut(line, ":")
			if name < last {
				t.Errorf("%s stands after %s: sort the table", name, last)
			}
			last = strings.TrimSpace(name)
		}
	}
}

// libraryOf is the entry in the table of homes that a path belongs to.
func libraryOf(path string, homeOf map[string][]string) (string, bool) {
	for library := range homeOf {
		if path == library || strings.HasPrefix(path, library+"/") {
			return library, true
		}
	}
	return "", false
}
