//go:build unix

package ruby_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/secrettest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

const secret = secrettest.Marker + "-a-secret-of-the-tests-a-secret-of-the-tests"

// need skips a test if Ruby does not have what it uses, or fails it if NUDGE_TEST_REQUIRE is set.
func need(t *testing.T, libraries string) {
	t.Helper()
	out, err := exec.Command("ruby", append([]string{"-e", "ARGV.each { |l| require l }"}, strings.Fields(libraries)...)...).CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
		t.Fatalf("Ruby does not have %s: %v\n%s", libraries, err, out)
	}
	t.Skipf("Ruby does not have %s", libraries)
}

// command is ruby with the library, in this directory; it ends with the test.
func command(t *testing.T, server *redistest.Server, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "ruby", append([]string{"-I", "lib"}, args...)...)
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+secret,
		"DATABASE_URL=sqlite3:"+filepath.Join(t.TempDir(), "test.sqlite3"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// The library's own tests.
func TestRuby(t *testing.T) {
	t.Parallel()
	need(t, "minitest rack redis active_record sqlite3")
	out, err := command(t, redistest.Start(t), "test/all.rb").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(" 0 failures")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// The library in Rails, which it joins by itself.
func TestRails(t *testing.T) {
	t.Parallel()
	need(t, "minitest redis rails active_record sqlite3 action_controller")
	out, err := command(t, redistest.Start(t), "test/rails_app.rb").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(" 0 failures")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each project is on a node of its own there.
func TestCluster(t *testing.T) {
	t.Parallel()
	need(t, "redis")
	cluster := redistest.StartCluster(t)
	out, err := command(t, cluster.Nodes[0], "-e", `
		require "nudge"
		nudge = Nudge::Client.new(redis: Redis.new(cluster: ["redis://#{ARGV[0]}"]))
		ids = (1..20).to_a
		p nudge.publish(1, 1), nudge.publish_many(ids.map { |id| [id, 1] }), nudge.stored(ids).uniq, nudge.publish_many!(ids.map { |id| [id, 2] })`,
		cluster.Nodes[0].Addr).CombinedOutput()
	if want := "true\n19\n[\"1\"]\n20\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s, want\n%s", err, out, want)
	}
}

func TestGem(t *testing.T) {
	t.Parallel()
	need(t, "rubygems")
	if out, err := exec.Command("gem", "build", "nudge-gateway.gemspec", "-o", filepath.Join(t.TempDir(), "n.gem")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExamples(t *testing.T) {
	t.Parallel()
	for example, libraries := range map[string]string{
		"rails":   "redis puma rails active_record sqlite3 action_controller",
		"sinatra": "redis puma sinatra/base sqlite3",
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			need(t, libraries)
			text, err := os.ReadFile("examples/" + example + ".rb")
			if lines := bytes.Count(text, []byte("\n")); err != nil || lines >= 60 {
				t.Errorf("%d lines, want less than 60 (%v)", lines, err)
			}
			tryExample(t, example)
		})
	}
}

func tryExample(t *testing.T, example string) {
	server := redistest.Start(t)
	site := start(t, command(t, server, "examples/"+example+".rb"))
	ask := func(method, path string, form url.Values, header http.Header) (*http.Response, string) {
		t.Helper()
		request, _ := http.NewRequestWithContext(t.Context(), method, site+path, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, values := range header {
			request.Header[name] = values
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer, string(body)
	}
	change := func(title string) {
		t.Helper()
		ask(http.MethodPost, "/projects/1/stories", url.Values{"title": {title}}, nil)
	}
	poll := func(header http.Header, status int, version float64) *http.Response {
		t.Helper()
		answer, body := ask(http.MethodGet, "/projects/1/changes?since=0", nil, header)
		var got struct{ Version float64 }
		if err := json.Unmarshal([]byte(body), &got); answer.StatusCode != status || got.Version != version || (err == nil) != (status == 200) {
			t.Fatalf("%d %s, want %d and version %v", answer.StatusCode, body, status, version)
		}
		if answer.Header.Get("X-Nudge-Version") != "" {
			t.Error("the page gets X-Nudge-Version")
		}
		return answer
	}
	_, token := ask(http.MethodGet, "/nudge-token", nil, nil)
	events := watch(t, server, token)

	poll(nil, 200, 0)
	change("first")
	events("1@1")
	answer := poll(nil, 200, 1)
	same := http.Header{"If-None-Match": answer.Header["Etag"]}
	for _, cookie := range answer.Cookies() {
		same.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	if again := poll(same, 304, 0); len(again.Cookies()) > 0 || again.Header.Get("Etag") != answer.Header.Get("Etag") {
		t.Errorf("the 304 says %v", again.Header)
	}
	change("rolled back")
	poll(same, 304, 0)
	change("second")
	events("1@2") // and not 3: what was rolled back was not announced
	poll(same, 200, 2)
}

// start starts an example and returns the URL that it prints.
func start(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var printed strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://") {
			go io.Copy(io.Discard, stderr)
			return lines.Text()
		}
		printed.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("it ended: %s", printed.String())
	return ""
}

// watch opens a stream of a gateway, and returns what waits for the next advance, which must be the wanted one.
func watch(t *testing.T, server *redistest.Server, token string) (events func(want string)) {
	t.Helper()
	var source *redis.Source
	g, err := gateway.New(gateway.Options{
		Settings: gateway.Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100},
			Policy: fallback.Policy{
				Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second, Jitter: 0.2, Heartbeat: 25 * time.Second,
			},
			Auth: auth.Settings{Secret: secret, Leeway: 30 * time.Second},
		},
		Probe: time.Second, Node: "gw", Instance: "i", Version: "v0", Log: slog.New(slog.DiscardHandler),
		Source: func(b *version.Board, h gateway.Host) (_ version.Source, err error) {
			source, err = redis.New(b, redis.Options{Addrs: []string{server.Addr}, Probe: time.Second, Host: h.Host, Control: h.Control})
			return source, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	site := httptest.NewServer(g.Handler())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+"/events?project=1", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	t.Cleanup(func() {
		stop()
		answer.Body.Close()
		site.Close()
		<-ended
		source.Close()
	})
	lines := bufio.NewScanner(answer.Body)
	next := func() string {
		for lines.Scan() {
			if id, is := strings.CutPrefix(lines.Text(), "id: "); is {
				return id
			}
		}
		t.Fatal("the stream ended: ", lines.Err())
		return ""
	}
	for lines.Scan() && !(strings.HasPrefix(lines.Text(), "data: ") && strings.Contains(lines.Text(), `"unknown":["1"]`)) { // Redis is heard
	}
	return func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Fatalf("%q is announced, want %q", got, want)
		}
	}
}
