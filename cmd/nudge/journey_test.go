//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/version/redistest"
)

// A version published with redis-cli's PUBLISH reaches an idle stream with the publish, not with a heartbeat.
func TestPublishReachesStream(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	// Heartbeats an hour apart: nothing but the publish can bring an event.
	text := strings.Replace(quick("127.0.0.1:0", redis.Addr, "{}"), "heartbeat: 1s", "heartbeat: 1h", 1)
	g := serveFile(t, configFile(t, text))
	c := g.connect(mint(t, tokenClaims{subscribe: []string{"42"}}), "42")
	if hello := c.untilType("hello"); fmt.Sprint(hello.data["unknown"]) != "[42]" {
		t.Fatalf("hello of an unpublished project: %s", hello.Data)
	}
	c.untilType("heartbeat") // the second event, a second after the hello; then the stream is idle
	published := time.Now()
	redis.Do("PUBLISH", "nudge:{42}", "124")
	e := c.untilType("version")
	if e.LastEventID != "42@124" || e.Data != `{"project":"42","version":124,"spread_ms":0}` {
		t.Errorf("id %q, data %s", e.LastEventID, e.Data)
	}
	t.Logf("publish to event: %v", e.at.Sub(published))
}

// A version that is stored already, or published before the stream opens, is in its hello.
func TestHelloCarriesVersion(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	redis.Do("SET", "nudge:{42}", "124")
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	token := mint(t, tokenClaims{subscribe: []string{"*"}})
	first := g.connect(token, "42@123")
	if hello := first.untilType("hello"); versionIn(hello, "42") != 124 {
		t.Errorf("hello: %s, want 42 at 124", hello.Data)
	}
	if out := runNudge(t, "publish", "--config", g.file, "42@125"); out != "42@125 published\n" {
		t.Errorf("nudge publish printed %q", out)
	}
	first.untilType("version") // the gateway has it too
	if hello := g.connect(token, "42@124").untilType("hello"); versionIn(hello, "42") != 125 {
		t.Errorf("hello: %s, want 42 at 125", hello.Data)
	}
}

func versionIn(e event, project string) float64 {
	versions, _ := e.data["versions"].(map[string]any)
	v, _ := versions[project].(float64)
	return v
}

// Redis is killed: every stream is told within 2 × probe + 3 s, stays open, and recovers by itself.
func TestRedisIsKilled(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	redis.Do("SET", "nudge:{42}", "124")
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	streams := []*client{g.connect(token, "42"), g.connect(token, "42")}
	for _, c := range streams {
		c.untilType("hello")
	}
	killed := time.Now()
	redis.Kill()
	for _, c := range streams {
		e := c.until("push down", func(e event) bool { return e.data["push"] == "down" })
		if e.data["poll_ms"] != e.data["fast_ms"] || e.data["fast_ms"] != 1000.0 {
			t.Errorf("down with %s", e.Data)
		}
		// 2 × 200 ms + 3 s is promised; the rest is for a busy machine.
		if took := e.at.Sub(killed); took > 20*time.Second {
			t.Errorf("a stream was told after %v", took)
		}
	}
	if status, body := g.get("/poll-interval", ""); status != 200 || !strings.Contains(string(body), `"push":"down","poll_ms":1000,"fast_ms":1000`) {
		t.Errorf("/poll-interval: %d %s", status, body)
	}
	if status, body := g.get("/ready", ""); status != 200 || !strings.Contains(string(body), `"push":"down"`) {
		t.Errorf("/ready: %d %s", status, body)
	}
	if status, _ := g.get("/versions?project=42@1", token); status != http.StatusServiceUnavailable {
		t.Errorf("/versions while push is down: %d, want 503", status)
	}
	redis.Start()
	for _, c := range streams {
		hello := c.untilType("hello")
		if fmt.Sprint(hello.data["unknown"]) != "[42]" {
			t.Errorf("after a restart that lost the keys: hello %s, want 42 unknown", hello.Data)
		}
		c.until("push healthy", func(e event) bool { return e.data["push"] == "healthy" })
	}
	redis.Do("PUBLISH", "nudge:{42}", "125")
	for _, c := range streams {
		c.untilType("version")
	}
}

// The flag in the file: off ends the streams over the ramp and lets none in, on lets them return.
func TestFlagInFile(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	on := quick("127.0.0.1:0", redis.Addr, "{ramp: 300ms}")
	g := serveFile(t, configFile(t, on))
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	c := g.connect(token, "42")
	c.untilType("hello")
	write(t, g.file, strings.Replace(on, "{ramp", "{enabled: false, ramp", 1))
	if bye := c.untilType("goodbye"); bye.data["reason"] != "off" {
		t.Errorf("goodbye %s, want off", bye.Data)
	}
	c.ended()
	if status, body := g.get("/events?project=42", token); status != http.StatusNoContent || len(body) != 0 {
		t.Errorf("/events while off: %d %s, want 204", status, body)
	}
	if _, body := g.get("/poll-interval?project=42", token); !strings.Contains(string(body), `"push":"off","poll_ms":1000`) ||
		!strings.Contains(string(body), `"off":["42"]`) {
		t.Errorf("/poll-interval while off: %s", body)
	}
	write(t, g.file, on)
	g.untilAnswer("/poll-interval?project=42", func(_ int, body []byte) bool { return !strings.Contains(string(body), `"push":"off"`) })
	g.connect(token, "42").untilType("hello")
}

// A broken file is refused with its line and the mend; what runs goes on.
func TestBrokenFileIsRefused(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	good := quick("127.0.0.1:0", redis.Addr, "{}")
	g := serveFile(t, configFile(t, good))
	c := g.connect(mint(t, tokenClaims{subscribe: []string{"42"}}), "42")
	c.untilType("hello")
	from := 0
	for _, tt := range []struct{ text, says string }{
		{"push: {enabled: fal", "config.yaml:"},
		{good + "heartbeats: 1s\n", "heartbeats"},
		{strings.Replace(good, "heartbeat: 1s", "heartbeat: 15", 1), "config.yaml:7: heartbeat: 15 has no unit"},
	} {
		write(t, g.file, tt.text)
		from = g.stderr.until(t, from, tt.says)
	}
	if status, _ := g.get("/ready", ""); status != 200 {
		t.Errorf("/ready after refused reloads: %d", status)
	}
	redis.Do("PUBLISH", "nudge:{42}", "124")
	c.untilType("version")
}

// A key that the environment overrules is said to be, or somebody believes to have switched push off.
func TestEnvironmentOverrulesFile(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := quick("127.0.0.1:0", redis.Addr, "{enabled: true}")
	file := configFile(t, text)
	p := start(t, []string{"NUDGE_PUSH_ENABLED=true"}, "serve", "--config", file)
	p.stderr.until(t, 0, "nudge serves")
	write(t, file, strings.Replace(text, "enabled: true", "enabled: false", 1))
	p.stderr.until(t, 0, "push.enabled (NUDGE_PUSH_ENABLED)")
}

// SIGTERM: not ready, goodbye to each stream, exit 0 as soon as the last is gone.
func TestDrain(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	streams := []*client{g.connect(token, "42"), g.connect(token, "42"), g.connect(token, "42")}
	for _, c := range streams {
		c.untilType("hello")
	}
	g.signalled(syscall.SIGTERM)
	for _, c := range streams {
		if bye := c.untilType("goodbye"); bye.data["reason"] != "drain" {
			t.Errorf("goodbye %s, want drain", bye.Data)
		}
		c.ended()
	}
	if code := g.exit(); code != 0 {
		t.Errorf("exit %d after SIGTERM", code)
	}
}

// A second signal ends it at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := strings.Replace(quick("127.0.0.1:0", redis.Addr, "{}"), "delay: 100ms", "delay: 1h", 1)
	g := serveFile(t, configFile(t, text))
	g.signalled(syscall.SIGTERM)
	g.stderr.until(t, 0, "leaving")
	g.signalled(syscall.SIGTERM)
	if code := g.exit(); code != exitFailed {
		t.Errorf("exit %d after a second signal, want %d", code, exitFailed)
	}
}

// The commands, and what they say when they cannot.
func TestCommands(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	publish := mint(t, tokenClaims{publish: []string{"*"}})
	none := configFile(t, "auth: {secret: "+testSecret+"}\n")
	tests := []struct {
		args []string
		exit int
		says string // in what it printed, either way
	}{
		{[]string{"version"}, 0, "nudge " + release + " (go"},
		{[]string{"--version"}, 0, "nudge " + release + " (go"},
		{[]string{"publish", "--gateway", g.url, "--token", publish, "42@10"}, 0, "42@10 published\n"},
		{[]string{"publish", "--gateway", g.url, "--token", publish, "42@10"}, 0, "42@10 stale"},
		{[]string{"publish", "--gateway", g.url, "--token", publish, "--json", "42@11"}, 0, `{"accepted":1,"stale":0}`},
		{[]string{"publish", "--gateway", g.url, "--token", publish, "--prev", "11", "--data", `{"a":1}`, "--writer", "w", "42@12"}, 0, "42@12 published\n"},
		{[]string{"publish", "--gateway", g.url, "--token", publish, "--reset", "42@3"}, 0, "42@3 published\n"},
		{[]string{"publish", "--config", g.file, "42@4"}, 0, "42@4 published\n"},
		{[]string{"publish", "--gateway", g.url, "42@13"}, 1, "refuses (401)"},
		{[]string{"publish", "--gateway", g.url, "--token", mint(t, tokenClaims{subscribe: []string{"42"}}), "42@13"}, 1, "refuses (403)"},
		{[]string{"publish", "--gateway", "http://" + redistest.FreeAddress(t), "42@13"}, 1, "reach the gateway"},
		{[]string{"publish", "--gateway", "ftp://x", "42@13"}, 2, "not the URL of a gateway"},
		{[]string{"publish", "--config", none, "42@13"}, 2, "redis.mode is none"},
		{[]string{"publish", "42"}, 2, "42 has no version; write 42@124"},
		{[]string{"publish", "42@x"}, 2, "not a bare integer"},
		{[]string{"publish"}, 2, "one argument is needed"},
		{[]string{"publish", "--data", "{", "42@1"}, 2, "--data is not JSON"},
		{[]string{"publish", "--data", "{}", "42@1"}, 2, "data: needs prev"},
		{[]string{"publish", "--nonsense"}, 2, "unknown flag"},
		{[]string{"watch"}, 2, "name at least one project"},
		{[]string{"watch", "42@3"}, 2, "42@3 has a version; write 42"},
		{[]string{"watch", "--gateway", g.url, "42"}, 1, "refuses (401)"},
		{[]string{"token", "--config", g.file, "--subscribe", "42"}, 0, "eyJ"},
		{[]string{"token", "--config", g.file}, 2, "add --subscribe, --publish or --revoke"},
		{[]string{"token", "--config", g.file, "--subscribe", "a b"}, 2, "is not allowed"},
		{[]string{"token", "--subscribe", "42"}, 1, "auth.secret is not set"},
		{[]string{"serve"}, 1, "auth.secret"},
		{[]string{"serve", "--config", "absent.yaml"}, 1, "absent.yaml"},
		{[]string{"serve", "--config", g.file, "--listen", strings.TrimPrefix(g.url, "http://")}, 1, "address already in use"},
		{[]string{"serve", "--config", g.file, "--listen", "192.0.2.1:8080"}, 1, "this machine has no such address; choose one that it has"},
		{[]string{"demo", "--listen", strings.TrimPrefix(g.url, "http://")}, 1, "is in use; try make run LISTEN=127.0.0.1:"},
		{[]string{"config", "check", "--config", g.file}, 0, "ok"},
		{[]string{"config", "print", "--config", g.file}, 0, "fast: 1s"},
		{[]string{"dance"}, 2, "there is no command \"dance\"\n"},
		{[]string{"publsih", "42@1"}, 2, `there is no command "publsih"; did you mean nudge publish?`},
		{[]string{"config", "chek"}, 2, `there is no command "config chek"; did you mean nudge config check?`},
		{[]string{"revoke", "lits"}, 2, `there is no command "revoke lits"; did you mean nudge revoke list?`},
		{[]string{"revoke", "ann"}, 2, "revoke takes flags, not a name: write --sub S for a user"},
		{[]string{"help", "foo"}, 2, `there is no command "foo"`},
		{[]string{"help", "config", "foo"}, 2, `there is no command "config foo"`},
		{[]string{"help"}, 0, "  publish "},
		{[]string{"help", "push", "on"}, 0, "--ramp"},
		{[]string{"serve", "now"}, 2, `serve takes no arguments, and got "now"`},
	}
	for _, tt := range tests {
		code, out, errs := nudge(tt.args...)
		if code != tt.exit || !strings.Contains(out+errs, tt.says) {
			t.Errorf("nudge %q: exit %d, want %d with %q; it said\n%s%s", tt.args, code, tt.exit, tt.says, out, errs)
		}
		if tt.exit != 0 && out != "" {
			t.Errorf("nudge %q failed, but wrote %q to stdout", tt.args, out)
		}
	}
}

// nudge watch prints what is published, over a gateway and over Redis.
func TestWatchCommand(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := serveFile(t, configFile(t, quick("127.0.0.1:0", redis.Addr, "{}")))
	redis.Do("SET", "nudge:{42}", "1")
	token := mint(t, tokenClaims{subscribe: []string{"42", "7"}})
	watchers := []*process{
		start(t, []string{"NUDGE_GATEWAY=" + g.url, "NUDGE_TOKEN=" + token}, "watch", "42", "7"),
		start(t, nil, "watch", "--config", g.file, "42", "7"),
	}
	for _, w := range watchers {
		w.stdout.until(t, 0, "42@1\n")
	}
	redis.Do("PUBLISH", "nudge:{42}", "2")
	redis.Do("PUBLISH", "nudge:{7}", "9")
	for _, w := range watchers {
		w.stdout.until(t, 0, "42@2\n")
		w.stdout.until(t, 0, "7@9\n")
		w.signalled(syscall.SIGINT)
		if code := w.exit(); code != 0 {
			t.Errorf("exit %d after SIGINT", code)
		}
	}
}

// runNudge runs a command that must succeed, and returns what it printed.
func runNudge(t testing.TB, args ...string) string {
	t.Helper()
	code, out, errs := nudge(args...)
	if code != 0 {
		t.Errorf("nudge %q: exit %d:\n%s", args, code, errs)
	}
	return out
}

// No line of any log holds a token, whatever happens.
func TestLogsHoldNoToken(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	text := quick("127.0.0.1:0", redis.Addr, "{}") + "log: {level: debug, format: json}\n"
	g := serveFileJSON(t, configFile(t, strings.Replace(text, "auth: {", "auth: {query: true, ", 1)))
	token := mint(t, tokenClaims{subject: "alice", subscribe: []string{"42"}})
	for _, path := range []string{"/events?project=9&token=" + token, "/poll-interval?token=" + token, "/versions?project=42&token=" + token + "x"} {
		g.get(path, "")
		g.get(strings.Split(path, "token=")[0], token)
	}
	g.signalled(syscall.SIGTERM)
	g.exit()
	for _, part := range strings.Split(token, ".") {
		if strings.Contains(g.stderr.String(), part) && part != strings.Split(token, ".")[0] {
			t.Errorf("the log holds a part of a token:\n%s", g.stderr)
		}
	}
	for line := range strings.Lines(g.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of JSON: %s", line)
		}
	}
}

// serveFileJSON is serveFile for a log in JSON.
func serveFileJSON(t testing.TB, file string) *gatewayProcess {
	t.Helper()
	address := redistest.FreeAddress(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, strings.Replace(string(text), "listen: 127.0.0.1:0\n", "listen: "+address+"\n", 1))
	g := &gatewayProcess{process: start(t, nil, "serve", "--config", file), file: file, url: "http://" + address}
	g.untilStatus("/ready", http.StatusOK)
	return g
}
