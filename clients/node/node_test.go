//go:build unix

package node_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nudge/clients/clienttest"
	"nudge/version/redistest"
)

// node is a command of Node with the package; without its modules the test is skipped, or fails if NUDGE_TEST_REQUIRE is set.
func node(t *testing.T, server *redistest.Server, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
			t.Fatal("the modules are not installed: npm --prefix clients/node ci --ignore-scripts")
		}
		t.Skip("the modules are not installed: npm --prefix clients/node ci --ignore-scripts")
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+server.Addr, "NUDGE_AUTH_SECRET="+clienttest.Secret, "PORT=0")
	return cmd
}

// The package's own tests.
func TestNode(t *testing.T) {
	t.Parallel()
	out, err := node(t, redistest.Start(t), "--test", "test/client.test.js").CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("# tests 0")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Each example with a gateway: a poll, a change that the gateway announces, a 304, and a change that is rolled back.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"express", "fastify"} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			file := "examples/" + example + ".js"
			text, err := os.ReadFile(file)
			if lines := bytes.Count(text, []byte("\n")); err != nil || lines >= 60 {
				t.Errorf("%d lines, want less than 60 (%v)", lines, err)
			}
			server := redistest.Start(t)
			tryExample(t, server, clienttest.Start(t, node(t, server, file)))
		})
	}
}

func tryExample(t *testing.T, server *redistest.Server, site string) {
	ask := func(method, path string, form url.Values, validator string) (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, site+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if validator != "" {
			request.Header.Set("If-None-Match", validator)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(body)
	}
	change := func(title string, status int) {
		t.Helper()
		if answer, body := ask(http.MethodPost, "/projects/1/stories", url.Values{"title": {title}}, ""); answer.StatusCode != status {
			t.Errorf("%s: %d %s", title, answer.StatusCode, body)
		}
	}
	poll := func(validator string, status int, stories ...string) string {
		t.Helper()
		answer, body := ask(http.MethodGet, "/projects/1/changes?since=0", nil, validator)
		var got struct{ Stories []string }
		err := json.Unmarshal([]byte(body), &got)
		if answer.StatusCode != status || (err == nil) != (status == http.StatusOK) || strings.Join(got.Stories, " ") != strings.Join(stories, " ") {
			t.Fatalf("%d %s, want %d and %v", answer.StatusCode, body, status, stories)
		}
		if answer.Header.Get("X-Nudge-Version") != "" {
			t.Error("the page gets X-Nudge-Version")
		}
		return answer.Header.Get("ETag")
	}
	_, token := ask(http.MethodGet, "/nudge-token", nil, "")
	next := clienttest.Watch(t, clienttest.Gateway(t, server), "1", token)
	announced := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Fatalf("%s is announced, want %s", got, want)
		}
	}
	poll("", http.StatusOK)
	change("first", http.StatusCreated)
	announced("1@1")
	etag := poll("", http.StatusOK, "first")
	if again := poll(etag, http.StatusNotModified); again != etag {
		t.Errorf("the 304 has the validator %s", again)
	}
	change("rolled back", http.StatusInternalServerError)
	poll(etag, http.StatusNotModified)
	change("second", http.StatusCreated)
	announced("1@2") // and not 3: what was rolled back was not announced
	poll(etag, http.StatusOK, "first", "second")
}
