//go:build unix

package clienttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"nudge/version/redistest"
)

// TryExample tries an example in file, which cmd starts, with a gateway: a poll, a change that the gateway announces, a 304, and a
// change that is rolled back. The example serves GET /projects/1/changes, POST /projects/1/stories with a title, which it rolls
// back if that is "rolled back", and GET /nudge-token. It has less than 60 lines.
func TryExample(t *testing.T, server *redistest.Server, file string, cmd *exec.Cmd) {
	t.Helper()
	text, err := os.ReadFile(file)
	if lines := bytes.Count(text, []byte("\n")); err != nil || lines >= 60 {
		t.Errorf("%d lines, want less than 60 (%v)", lines, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	site, browser := Start(t, cmd), &http.Client{Jar: jar}
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
		answer, err := browser.Do(request)
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
	change := func(title string, taken bool) {
		t.Helper()
		if answer, body := ask(http.MethodPost, "/projects/1/stories", url.Values{"title": {title}}, ""); answer.StatusCode < 300 != taken {
			t.Errorf("%s: %d %s", title, answer.StatusCode, body)
		}
	}
	poll := func(validator string, status, version int, stories ...string) (etag string) {
		t.Helper()
		const path = "/projects/1/changes?since=0"
		answer, body := ask(http.MethodGet, path, nil, validator)
		for end := time.Now().Add(patience); status == http.StatusNotModified && answer.StatusCode == http.StatusOK && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond) // the machine is busy: Redis did not answer within 0.1 s, and is not asked for a second
			answer, body = ask(http.MethodGet, path, nil, validator)
		}
		var got struct {
			Version int
			Stories []string
		}
		err := json.Unmarshal([]byte(body), &got)
		if answer.StatusCode != status || (err == nil) != (status == http.StatusOK) || got.Version != version || !slices.Equal(got.Stories, stories) {
			t.Fatalf("%d %s, want %d, version %d and %v", answer.StatusCode, body, status, version, stories)
		}
		if answer.Header.Get("X-Nudge-Version") != "" {
			t.Error("the page gets X-Nudge-Version")
		}
		if status == http.StatusNotModified && (len(answer.Cookies()) > 0 || answer.Header.Get("ETag") != validator) {
			t.Errorf("the 304 says %v", answer.Header)
		}
		return answer.Header.Get("ETag")
	}
	_, token := ask(http.MethodGet, "/nudge-token", nil, "")
	next := Watch(t, Gateway(t, server), "1", token)
	announced := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Fatalf("%s is announced, want %s", got, want)
		}
	}
	poll("", http.StatusOK, 0)
	change("first", true)
	announced("1@1")
	etag := poll("", http.StatusOK, 1, "first")
	poll(etag, http.StatusNotModified, 0)
	change("rolled back", false)
	poll(etag, http.StatusNotModified, 0)
	change("second", true)
	announced("1@2") // and not 3: what was rolled back was not announced
	poll(etag, http.StatusOK, 2, "first", "second")
}
