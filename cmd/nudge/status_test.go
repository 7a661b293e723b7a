package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/cmd/nudge/config"
	"nudge/fallback"
	"nudge/gateway/shadow"
	"nudge/version"
)

// answered is a /status of a gateway: a fleet of three, of which one is leaving, and one that vanished.
const answered = `{"protocol":1,"node":"gw-1","instance":"0a7c8c5f","version":"0.1.0","started":"2024-02-29T09:00:00Z","phase":"serving",
"reason":"no-echo","since":"2024-02-29T11:58:20Z","last_echo":"2024-02-29T11:59:51Z","push":"down","poll_ms":10000,"fast_ms":10000,"jitter":0.2,"heartbeat_ms":25000,
"browsers":4721,"polling":10,"budget":472,"interval":451,"backlog":60,"step":3,
"flag":{"enabled":true,"percent":10,"include":["a*"],"exclude":["42","7"],"ramp_ms":60000},"streams":1204,"projects":310,"refusing":"limit","connections":{"open":1300,"places":19872,"refused":7},
"missed":{"publisher":12,"deaf":1,"delivery":3,"data":5,"ahead":6,"unjudged":4,"projects":2},
"top":{"watchers":[{"project":"42","n":310},{"project":"7","n":12}],"advances":[{"project":"7","n":99}],"since":"2024-02-29T11:15:00Z"},
"reload":{"at":"2024-02-29T11:00:00Z","applied":false,"changed":[],"problem":"push.percent: 101 is above 100"},
"ahead":[{"project":"42","application":3,"stored":125,"reports":6,"last":"2024-02-29T11:59:30Z","fix":"nudge publish 42@3 --reset"},
{"project":"7","application":0,"stored":9,"reports":1,"last":"2024-02-29T11:55:00Z","fix":"nudge publish 7@0 --reset"}],
"fleet":{"instances":3,"streams":3611,"lost_streams":1100,"members":[
{"instance":"0a7c8c5f","node":"gw-1","version":"0.1.0","streams":1204,"push":"down","leaving":false,"seen_ms_ago":0,"self":true},
{"instance":"89e88ef5","node":"gw-1","version":"0.2.0","streams":7,"push":"degraded","leaving":true,"seen_ms_ago":1234,"self":false},
{"instance":"ce3912a5","node":"gw-20","version":"","streams":2400,"push":"healthy","leaving":false,"seen_ms_ago":890,"self":false}],
"vanished":[{"instance":"d\u001b[2Jd","node":"gw-3","version":"0.1.0","streams":1200,"lost_streams":1100,"seen_ms_ago":34567}]}}
`

const statusPage = `gw-1 (0a7c8c5f), nudge 0.1.0, up 3h0m0s, serving
push is down for 1m40s (no-echo, no probe comes back); the newest probe that came back is 9s old
what to do: check that Redis runs, and that this gateway may publish and subscribe: docs/redis.md
browsers poll every 10s with a proven stream, every 10s without; heartbeats every 25s
4,721 browsers, 10 of them without a stream; polls per second: 472 allowed, 451 without news
polls for news that are still to come: 60; push is trusted at step 3 of 4
the flag is on for 10% of users, for projects a*, not for projects 42 7
1,204 streams, 310 projects
connections: 1,300 of 19,872 places are taken; refused, because their address had too many: 7 connections
new streams are refused: limit
missed news that polls found: 12 never published, 1 not heard here, 3 not delivered
pushed data that differed from the application's answer: 5 reports
stored versions ahead of the application, which make pages poll fast, newest report first:
  42 is stored at 125, and the application says 3 (6 reports, the last 30s ago). If it is right: nudge publish 42@3 --reset
  7 is stored at 9, and the application says 0 (1 report, the last 5m0s ago). If it is right: nudge publish 7@0 --reset
projects with most watchers here: 42 310, 7 12
projects with most changes here in 45m0s: 7 99
configuration, 1h0m0s ago: the configuration was refused: push.percent: 101 is above 100

the fleet: 3 gateways, 3,611 streams, 1,100 lost
NODE   INSTANCE  NUDGE  STREAMS  PUSH               HEARD
gw-1   0a7c8c5f  0.1.0  1,204    down               this gateway
gw-1   89e88ef5  0.2.0  7        degraded, leaving  1.2s ago
gw-20  ce3912a5  -      2,400    healthy            900ms ago
gw-3   d?[2Jd    0.1.0  1,200    VANISHED           35s ago, 1,100 streams not seen again
`

// opsAnswer serves an answer at /status, as an operators' listener.
func opsAnswer(t *testing.T, status int, body string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

// nudge runs a command in this process.
func nudge(args ...string) (exit int, stdout, stderr string) {
	var out, errs bytes.Buffer
	exit = run(args, &out, &errs)
	return exit, out.String(), errs.String()
}

func TestStatusPage(t *testing.T) {
	var s gatewayStatus
	must(t, decodeStatus([]byte(answered), &s))
	var got strings.Builder
	must(t, s.print(&got, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)))
	if d := cmp.Diff(statusPage, got.String()); d != "" {
		t.Error(d)
	}
	for _, tt := range []struct {
		change func(*gatewayStatus)
		line   string
	}{
		{func(s *gatewayStatus) { s.Push, s.Reason = fallback.Healthy, "" }, "push is healthy for 1m40s; the newest probe that came back is 9s old"},
		{func(s *gatewayStatus) { s.Reason = "later-made" }, "push is down for 1m40s (later-made); the newest probe that came back is 9s old"},
		{func(s *gatewayStatus) { s.LastEcho = time.Time{} }, "push is down for 1m40s (no-echo, no probe comes back); no probe has come back yet"},
		{func(s *gatewayStatus) { s.LastEcho = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) }, "push is down for 1m40s (no-echo, no probe comes back); the newest probe that came back is 0s old"},
		{func(s *gatewayStatus) { s.Since, s.Reason = time.Time{}, "source" }, "push is down (source, the connection to Redis is lost); the newest probe that came back is 9s old"},
		{func(s *gatewayStatus) { s.Flag.Enabled = false }, "the flag is off: nobody gets push"},
		{func(s *gatewayStatus) { s.Flag.Enabled, s.Flag.By = false, "override" }, "the flag is off by nudge push: nobody gets push"},
		{func(s *gatewayStatus) { s.Flag.Percent, s.Flag.Include, s.Flag.Exclude = 100, nil, nil }, "the flag is on"},
		{func(s *gatewayStatus) { s.Limited = map[string]uint64{"streams": 3, "polls_per_subject": 12} }, "requests refused by limits since the start: polls_per_subject 12, streams 3"},
		{func(s *gatewayStatus) { s.Revocations = 2 }, "revocations in force: 2; nudge revoke list shows them"},
		{func(s *gatewayStatus) { s.Streams, s.Projects = 1, 1 }, "1 stream, 1 project"},
		{func(s *gatewayStatus) { s.Browsers, s.Polling = 1, 0 }, "1 browser, 0 of them without a stream; polls per second: 472 allowed, 451 without news"},
		{func(s *gatewayStatus) { s.Fleet.Instances = 1 }, "the fleet: 1 gateway, 3,611 streams, 1,100 lost"},
	} {
		changed, got := s, strings.Builder{}
		tt.change(&changed)
		must(t, changed.print(&got, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)))
		if !strings.Contains("\n"+got.String(), "\n"+tt.line+"\n") {
			t.Errorf("no line %q in\n%s", tt.line, got.String())
		}
	}
}

func TestStatusCommand(t *testing.T) {
	good := opsAnswer(t, 200, answered)
	if exit, out, errs := nudge("status", "--ops", good.URL); exit != 0 || !strings.HasPrefix(out, "gw-1 (0a7c8c5f)") || errs != "" {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
	if exit, out, _ := nudge("status", "--json", "--ops", good.URL); exit != 0 || out != answered {
		t.Errorf("exit %d, %q", exit, out)
	}
	gone := opsAnswer(t, 200, "")
	gone.Close()
	for name, tt := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"not reachable": {[]string{"--ops", gone.URL}, 1, "check that nudge serve runs; if its ops_listen is not " + strings.TrimPrefix(gone.URL, "http://")},
		"public":        {[]string{"--ops", opsAnswer(t, 404, `{"code":"not_found"}`).URL}, 1, "name the operators' listener (ops_listen), not the public one"},
		"another":       {[]string{"--ops", opsAnswer(t, 200, `{"status":"ok"}`).URL}, 1, "is no gateway"},
		"no JSON":       {[]string{"--json", "--ops", opsAnswer(t, 200, "<html>").URL}, 1, "is no gateway"},
		"a password":    {[]string{"--ops", "ftp://ann:hunter2@127.0.0.1:9090"}, 2, "********@127.0.0.1:9090"},
		"no URL":        {[]string{"--ops", "127.0.0.1:9090"}, 2, "write it like http://127.0.0.1:9090"},
		"no flag":       {[]string{"--opps", "x"}, 2, "nudge: status: unknown flag"},
		"argument":      {[]string{"gw-1"}, 2, `"gw-1"`},
		"no listener":   {[]string{"--config", statusConfig(t, `""`)}, 2, "ops_listen is empty"},
		"any port":      {[]string{"--config", statusConfig(t, "127.0.0.1:0")}, 2, "ops_listen is 127.0.0.1:0, so the port changes at each start"},
		"bad config":    {[]string{"--config", statusConfig(t, "9090")}, 1, "ops_listen"},
	} {
		if exit, out, errs := nudge(append([]string{"status"}, tt.args...)...); exit != tt.exit || out != "" || !strings.Contains(errs, tt.says) {
			t.Errorf("%s: exit %d, %q, %q; want exit %d, and %q said", name, exit, out, errs, tt.exit, tt.says)
		}
	}
}

func TestStatusOfShadow(t *testing.T) {
	seen := shadow.Evidence{
		Sums: shadow.Sums{Pages: 1900, Polls: 41_000, Empty: 39_852, News: 1148, LeadMS: 1148 * 4100}, Since: time.Date(2024, 2, 29, 9, 0, 0, 0, time.UTC),
		Projects: map[version.Project]shadow.Sums{}, Other: shadow.Sums{Polls: 1000, Empty: 900},
	}
	p, err := version.ParseProject("42")
	must(t, err)
	seen.Projects[p] = shadow.Sums{Polls: 40_000, Empty: 38_952, News: 1048, LeadMS: 1048 * 4000}
	var s gatewayStatus
	must(t, decodeStatus([]byte(answered), &s))
	s.Shadow = seen.Summary(3)
	var got strings.Builder
	must(t, s.printShadow(&got, time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC), false))
	want := `after 41,000 polls of 1,900 pages: 97.2 % empty, news 4.1 s earlier, 0 missed (with 95 % confidence fewer than 1 in 13,000 polls, 1 in 380 news): safe to switch
since 2024-02-29 09:00 UTC (3h0m0s), gateways: 3
the share of polls that push would have saved is 97.0 to 97.4 %, with 95 % confidence
push misses 0.26 % of news at most, with 95 % confidence

  PROJECT  POLLS   EMPTY  NEWS  EARLIER  MISSED
       42  40000  97.4 %  1048    4.0 s       0
   others   1000  90.0 %     0    0.0 s       0

next: remove push: 'shadow' from the page, and run nudge push on --percent 1 (docs/migrate.md)
`
	if d := cmp.Diff(want, got.String()); d != "" {
		t.Error(d)
	}
	got.Reset()
	must(t, s.print(&got, time.Now()))
	if !strings.Contains(got.String(), "\npages in shadow: after 41,000 polls of") {
		t.Error(got.String())
	}
	s.Shadow.Problem = "\x1b[2J"
	got.Reset()
	must(t, s.printShadow(&got, time.Now(), false))
	if strings.Contains(got.String(), "\x1b") {
		t.Errorf("%q", got.String())
	}

	text, err := json.Marshal(s)
	must(t, err)
	server := opsAnswer(t, 200, string(text))
	exit, out, _ := nudge("status", "--shadow", "--json", "--ops", server.URL)
	var told shadow.Summary
	if err := json.Unmarshal([]byte(out), &told); exit != 0 || err != nil || told.Verdict != shadow.Safe || told.Polls != 41_000 {
		t.Errorf("exit %d, %v: %s", exit, err, out)
	}
	base, err := url.Parse(server.URL)
	must(t, err)
	for asJSON, says := range map[bool]string{false: "safe to switch", true: `"verdict":"safe"`} {
		var out strings.Builder
		f := newStatusFollower(base, time.Second, true, asJSON, &out, io.Discard)
		must(t, f.once(t.Context()))
		must(t, f.once(t.Context()))
		if strings.Count(out.String(), says) != 2 || strings.Contains(out.String(), "the fleet") || asJSON && strings.Count(out.String(), "\n") != 2 {
			t.Errorf("--watch, JSON %v: %s", asJSON, out.String())
		}
	}
	old := opsAnswer(t, 200, answered).URL
	for _, args := range [][]string{{"--ops", old}, {"--watch", "--ops", old}} {
		if exit, out, errs := nudge(append([]string{"status", "--shadow"}, args...)...); exit == 0 || out != "" || !strings.Contains(errs, "it is of an older version") {
			t.Errorf("exit %d, %q, %q", exit, out, errs)
		}
	}
}

// Without --ops the configuration says where to ask; what listens everywhere is asked here.
func TestStatusAsksAsConfigured(t *testing.T) {
	address := strings.TrimPrefix(opsAnswer(t, 200, answered).URL, "http://")
	if exit, out, errs := nudge("status", "--json", "--config", statusConfig(t, address)); exit != 0 || out != answered {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
	for listen, want := range map[string]string{
		"10.0.0.7:9090": "http://10.0.0.7:9090", "[::1]:9090": "http://[::1]:9090", "gw.example:9090": "http://gw.example:9090",
		":9090": "http://127.0.0.1:9090", "0.0.0.0:9090": "http://127.0.0.1:9090", "[::]:9090": "http://127.0.0.1:9090",
	} {
		file := statusConfig(t, `"`+listen+`"`)
		if got, err := opsURL("", func() config.Loader { return config.Loader{Path: file} }); err != nil || got.String() != want {
			t.Errorf("ops_listen %s: %v, %v; want %s", listen, got, err, want)
		}
	}
}

func statusConfig(t *testing.T, opsListen string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	must(t, os.WriteFile(file, []byte("ops_listen: "+opsListen+"\n"), 0o600))
	return file
}

func TestTwoDigits(t *testing.T) {
	t.Parallel()
	for x, want := range map[float64]float64{0: 0, 0.2634: 0.26, 1: 1, 1.349: 1.3, 99.9: 100, 100: 100} {
		if got := twoDigits(x); got != want {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}
