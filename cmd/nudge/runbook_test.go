//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nudge/internal/exectest"
	"nudge/version/redistest"
)

const alertsFile = "../../deploy/alerts.yml"

// rehearsal is a Prometheus that watches gateways with deploy/alerts.yml, with shorter times.
type rehearsal struct {
	t   *testing.T
	url string
}

// debianProgram is the path of a program of Debian's package prometheus.
func debianProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing := name + " is not installed: apt-get install prometheus"
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	return path
}

func newRehearsal(t *testing.T, targets ...string) *rehearsal {
	t.Helper()
	path := debianProgram(t, "prometheus")
	rules, err := os.ReadFile(alertsFile)
	must(t, err)
	text := regexp.MustCompile(`\n *for: .*`).ReplaceAllString(string(rules), "")
	text = strings.ReplaceAll(text, "[15m]", "[3s]")
	dir, at := t.TempDir(), redistest.FreeAddress(t)
	must(t, os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), fmt.Appendf(nil, `
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}
rule_files: [alerts.yml]
scrape_configs: [{job_name: nudge, static_configs: [{targets: ["%s"]}]}]
`, strings.Join(targets, `", "`)), 0o600))
	p := exectest.Command(path, "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address="+at)
	said := newTranscript()
	p.Stdout, p.Stderr = said, said
	must(t, p.Start())
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", said)
		}
	})
	return &rehearsal{t, "http://" + at}
}

// until asks until an alert fires, or no longer does. Before each question it does again what again says.
func (r *rehearsal) until(alert string, fires bool, again func()) {
	r.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if again != nil {
			again()
		}
		var answer struct {
			Data struct{ Result []any }
		}
		query := url.QueryEscape(fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, alert))
		resp, err := http.Get(r.url + "/api/v1/query?query=" + query)
		if err == nil {
			err = json.NewDecoder(resp.Body).Decode(&answer)
			resp.Body.Close()
		}
		if err == nil && (len(answer.Data.Result) > 0) == fires {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s: want firing %v, got %v, %v", alert, fires, answer.Data.Result, err)
		}
	}
}

// alertNames are all alerts, in order.
func alertNames(t *testing.T) (names []string) {
	t.Helper()
	rules, err := os.ReadFile(alertsFile)
	must(t, err)
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		names = append(names, m[1])
	}
	return names
}

// Each alert has its place in the runbook, and Prometheus takes the file.
func TestAlertsAreInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/runbook.md")
	must(t, err)
	rules, err := os.ReadFile(alertsFile)
	must(t, err)
	for _, name := range alertNames(t) {
		_, part, found := strings.Cut(string(runbook), "\n### "+name+"\n")
		part, _, _ = strings.Cut(part, "\n##")
		if !found || !strings.Contains(string(rules), "runbook: docs/runbook.md#"+strings.ToLower(name)+"\n") {
			t.Errorf("%s has no part in the runbook, or no link to it", name)
		}
		for _, want := range []string{"**Means:**", "**Users notice:**", "**Look:**", "**Fix:**", "**Solved when:**"} {
			if !strings.Contains(part, want) {
				t.Errorf("the runbook's part on %s lacks %s", name, want)
			}
		}
	}
	if out, err := exectest.Command(debianProgram(t, "promtool"), "check", "rules", alertsFile).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// Each fault makes its alert fire, and the fix of the runbook ends it.
func TestRunbookIsRehearsed(t *testing.T) {
	t.Parallel()
	debianProgram(t, "prometheus")
	redis := redistest.Start(t)
	path, err := binary()
	must(t, err)
	config := func(push string) (text, ops string) {
		ops = redistest.FreeAddress(t)
		return strings.Replace(quick(redistest.FreeAddress(t), redis.Addr, push), "127.0.0.1:0", ops, 1), ops
	}
	textA, opsA := config("{}")
	textB, opsB := config("{}")
	// Few open files, as a machine with a low limit.
	limited := filepath.Join(t.TempDir(), "nudge")
	limit := func(files int) {
		must(t, os.WriteFile(limited, fmt.Appendf(nil, "#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", files, path), 0o700))
	}
	limit(640)
	fileA, fileB := configFile(t, textA), configFile(t, textB)
	a, b := serveFile(t, fileA), serveBinary(t, limited, fileB)
	prometheus := newRehearsal(t, opsA, opsB)
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	publish := func(news string, flags ...string) {
		t.Helper()
		if exit, _, errs := nudge(append([]string{"publish", news, "--config", fileA}, flags...)...); exit != 0 {
			t.Fatalf("nudge publish %s: %s", news, errs)
		}
	}
	reports := func(body string) func() {
		return func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/missed", strings.NewReader(body))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("POST /missed: %s", resp.Status)
			}
		}
	}
	done := []string{}
	// step makes a fault once, and what again says until the alert fires; then it applies the fix.
	step := func(alert string, fault, again, fix func()) {
		t.Helper()
		prometheus.until(alert, false, nil)
		begun := time.Now()
		if fault != nil {
			fault()
		}
		prometheus.until(alert, true, again)
		fix()
		prometheus.until(alert, false, nil)
		done = append(done, alert)
		t.Logf("%s: %v", alert, time.Since(begun).Round(100*time.Millisecond))
	}

	a.connect(token, "42").untilType("hello")
	publish("42@124")
	step("NudgePushNotHealthy", redis.Kill, nil, redis.Start)
	step("NudgeConfigNotInForce", func() { write(t, fileA, textA+"poll_fast: 1s\n") }, nil, func() { write(t, fileA, textA) })
	a.untilStatus("/ready", http.StatusOK)

	publish("42@124")
	step("NudgeNotPublished", nil, reports(`{"project":"42","version":125,"named":124}`), func() { publish("42@125") })
	step("NudgeVersionAhead", func() { publish("42@130") }, reports(`{"project":"42","version":126,"named":130,"kind":"ahead"}`),
		func() { publish("42@126", "--reset") })
	step("NudgeDataDiffers", nil, reports(`{"project":"42","version":126,"named":126,"kind":"data"}`), func() { publish("42@127") })
	step("NudgeSubscriptionClosed", func() { redis.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 0 0") },
		func() { redis.Do("PUBLISH", "nudge:{42}", strings.Repeat("x", 1<<20)) },
		func() { redis.Do("CONFIG", "SET", "client-output-buffer-limit", "pubsub 33554432 8388608 60") })
	redis.Do("PUBLISH", "nudge:{42}", strings.Repeat("x", 1<<20)) // now it does no harm
	prometheus.until("NudgeSubscriptionClosed", false, nil)

	var idle []net.Conn
	hang := func() {
		for range 20 {
			if c, err := net.DialTimeout("tcp", strings.TrimPrefix(b.url, "http://"), time.Second); err == nil {
				idle = append(idle, c)
			}
		}
	}
	step("NudgeConnectionsNearLimit", nil, hang, func() {
		limit(4096)
		b.kill()
		b = serveBinary(t, limited, fileB)
		before := len(idle)
		for len(idle) < 2*before { // the same load again
			hang()
		}
	})
	for _, c := range idle {
		c.Close()
	}

	for range 3 {
		b.connect(token, "42").untilType("hello")
	}
	a.untilShown("the fleet: 2 gateways, 4 streams, 0 lost")
	step("NudgeDown", b.kill, nil, func() {
		prometheus.until("NudgeStreamsLost", true, nil)
		b = serveBinary(t, limited, fileB)
	})
	for range 3 {
		b.connect(token, "42").untilType("hello")
	}
	prometheus.until("NudgeStreamsLost", false, nil)
	done = append(done, "NudgeStreamsLost")

	all := alertNames(t)
	slices.Sort(all)
	slices.Sort(done)
	if !slices.Equal(all, done) {
		t.Errorf("rehearsed: %v; alerts: %v", done, all)
	}
}

// warning is a WARN or ERROR line in the source.
type warning struct {
	at      token.Position
	message string // as far as it is constant
	fix     bool   // the line has the attribute fix
}

// warnings are all WARN and ERROR lines in the source.
func warnings(t *testing.T) (all []warning) {
	t.Helper()
	must(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "node_modules" || d.Name() == ".ci" || d.Name() == ".git" {
			if d != nil && d.IsDir() && err == nil {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name, message := "", -1
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				if name = f.Sel.Name; fmt.Sprint(f.X) == "http" { // http.Error answers, and logs nothing
					return true
				}
			default:
				return true
			}
			switch name {
			case "Warn", "ignored":
				message = 0
			case "Error":
				if len(call.Args) > 1 { // not err.Error() or t.Error(err)
					message = 0
				}
			case "WarnContext", "ErrorContext":
				message = 1
			case "Log", "LogAttrs":
				message = 2
			}
			if message >= 0 && len(call.Args) > message {
				w := warning{files.Position(call.Pos()), constant(call.Args[message]), name == "ignored"} // its last argument is the fix
				for _, arg := range call.Args[message+1:] {
					ast.Inspect(arg, func(n ast.Node) bool {
						text, ok := n.(*ast.BasicLit)
						w.fix = w.fix || ok && text.Value == `"fix"`
						return true
					})
				}
				all = append(all, w)
			}
			return true
		})
		return nil
	}))
	return all
}

// constant is the text of a literal, or of literals added; with … for what is no literal.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		left, right := constant(e.X), constant(e.Y)
		if right == "" {
			right = "..."
		}
		return left + right
	}
	return ""
}

// Who reads a warning finds in the line what to do, and in the runbook what it means.
func TestWarningsAreInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/runbook.md")
	must(t, err)
	all := warnings(t)
	if len(all) < 30 {
		t.Fatalf("only %d warnings found", len(all))
	}
	for _, w := range all {
		if w.message != "" && !strings.Contains(string(runbook), "\n| `"+w.message+"` | ") {
			t.Errorf("docs/runbook.md does not explain the line %q", w.message)
		}
		if !w.fix && w.message != "request" { // the one of a request has it if it is an ERROR
			t.Errorf("%v: the line %q does not name its fix; add the attribute fix", w.at, w.message)
		}
	}
}
