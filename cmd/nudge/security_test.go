//go:build unix

package main

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"nudge/internal/secrettest"
	"nudge/version/redistest"
)

var (
	// testName is the name of a test, or of a file of them, in tables of docs.
	testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+|web/test/[a-z./-]+\\.test\\.js)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)
)

// Neither pages for operators, nor a dump of all goroutines, nor what is logged at any level has a token, a secret or a
// password. start and get look into all that a process says.
func TestDumpsTellNothing(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	redis.Do("ACL", "SETUSER", "gw", "on", ">"+secrettest.Marker, "+@all", "~*", "&*")
	text := strings.Replace(quick("127.0.0.1:0", redis.Addr, "{}"), "auth: {", "auth: {query: true, ", 1) + "log: {level: debug}\n"
	g := serveFile(t, configFile(t, strings.Replace(text, "probe:", "username: gw, password: "+secrettest.Marker+", probe:", 1)))
	token := mint(t, tokenClaims{subject: "ann", subscribe: []string{"*"}, publish: []string{"*"}})
	g.connect(token, "42").untilType("hello")
	held, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(held, http.MethodGet, g.url+"/versions?project=42&wait=25s&token="+token, nil)
	must(t, err)
	go http.DefaultClient.Do(req)
	for _, token := range []string{token, token + "x", "x." + token, "x"} {
		g.get("/versions?project=7", token)
		g.get("/versions?project=7&token="+token, "")
		g.get("/poll-interval?project=!&token="+token, "")
	}
	ops := *g
	ops.url = g.ops
	for _, page := range []string{"/status", "/metrics", "/live", "/ready", "/nowhere", "/debug/pprof/", "/debug/pprof/cmdline"} {
		ops.get(page, "")
	}
	for _, profile := range []string{"goroutine", "heap", "allocs", "block", "mutex", "threadcreate"} {
		ops.get("/debug/pprof/"+profile+"?debug=1", "")
	}
	ops.get("/debug/pprof/goroutine?debug=2", "")
	redis.Do("ACL", "SETUSER", "gw", "resetpass", ">another")
	g.stderr.until(t, 0, "WRONGPASS")
	g.signalled(syscall.SIGQUIT)
	g.exit()
	if dump := g.stderr.String(); !strings.Contains(dump, "SIGQUIT") || !strings.Contains(dump, "gateway.(*Gateway)") {
		t.Errorf("no dump of all goroutines: %.2000s", dump)
	}
}

// Each row of these pages names tests, and they exist.
func TestDocsNameTests(t *testing.T) {
	exist := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".test.js") {
			exist[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = true
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			exist[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"security.md", "kinds-of-pages.md"} {
		page, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		namesTests(t, name, string(page), exist)
	}
}

func namesTests(t *testing.T, page, text string, exist map[string]bool) {
	rows := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| who") || strings.HasPrefix(line, "| kind of") {
			continue
		}
		rows++
		names := testName.FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("%s: no test holds this row: %s", page, line)
		}
		for _, m := range names {
			if !exist[m[1]] {
				t.Errorf("%s: there is no %s; name the test that holds this row: %s", page, m[1], line)
			}
		}
	}
	if rows < 10 {
		t.Errorf("%s: %d rows: the tables were not found", page, rows)
	}
}
