//go:build unix

package ruby_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"nudge/clients/clienttest"
	"nudge/version/redistest"
)

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
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+clienttest.Secret,
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
	site := clienttest.Start(t, command(t, server, "examples/"+example+".rb"))
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
	next := clienttest.Watch(t, clienttest.Gateway(t, server), "1", token)
	events := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Fatalf("%q is announced, want %q", got, want)
		}
	}

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
