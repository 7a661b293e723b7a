//go:build unix

package polls_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/version/publish/polls"
	"nudge/version/redistest"
)

var secret = []byte("a secret for tests, which is long enough")

// clients/conformance asks for the rest: when a poll is answered 304.
func TestWhichAnswersGetAValidator(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("SET", "app:{42}", "5")
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer client.Close()
	var log bytes.Buffer
	middleware, err := polls.Middleware(client, polls.Options{
		Secret: secret, Identity: []string{"cookie:sid", "header:X-User"}, Prefix: "app", Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ours  bool
		write func(w http.ResponseWriter)
	}{
		"written":        {true, func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) }},
		"nothing":        {true, func(http.ResponseWriter) {}},
		"with a head":    {true, func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }},
		"early hints":    {true, func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) }},
		"harmless Vary":  {true, func(w http.ResponseWriter) { w.Header().Set("Vary", "Accept-Encoding, Cookie, Origin, X-User") }},
		"Vary":           {false, func(w http.ResponseWriter) { w.Header().Set("Vary", "Accept") }},
		"an error":       {false, func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }},
		"an own ETag":    {false, func(w http.ResponseWriter) { w.Header().Set("ETag", `"mine"`) }},
		"Last-Modified":  {false, func(w http.ResponseWriter) { w.Header().Set("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT") }},
		"no-store":       {false, func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }},
		"public":         {false, func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public") }},
		"wrong versions": {false, func(w http.ResponseWriter) { w.Header().Set("X-Nudge-Version", "42") }},
		"no versions":    {false, func(w http.ResponseWriter) { w.Header().Del("X-Nudge-Version") }},
	} {
		handler := middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			polls.Answered(w, map[string]int64{"42": 5})
			c.write(w)
		}))
		ask := func(etag string) *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/poll", nil)
			r.Header.Set("X-User", "ann")
			if etag != "" {
				r.Header.Set("If-None-Match", etag)
			}
			handler.ServeHTTP(w, r)
			return w
		}
		first := ask("")
		etag := first.Header().Get("ETag")
		if ours := strings.HasPrefix(etag, `W/"nudge1.`); ours != c.ours || first.Header().Get("X-Nudge-Version") != "" {
			t.Errorf("%s: %v", name, first.Header())
		}
		if again := ask(etag); c.ours && (again.Code != http.StatusNotModified || again.Body.Len() > 0) {
			t.Errorf("%s: once more %d", name, again.Code)
		}
	}
	for _, want := range []string{"remove public", "add header:accept", "no versions such as"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, &log)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for want, opt := range map[string]polls.Options{
		"Secret has 5 bytes": {Secret: []byte("short"), Identity: []string{"cookie:sid"}},
		"Identity is empty":  {Secret: secret},
		`Identity: "sid"`:    {Secret: secret, Identity: []string{"sid"}},
	} {
		if _, err := polls.Middleware(nil, opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
