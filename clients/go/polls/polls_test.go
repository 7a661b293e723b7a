//go:build unix

package polls_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/polls"
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
	}.Patient())
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
		again := ask(etag)
		if c.ours && (again.Code != http.StatusNotModified || again.Body.Len() > 0) {
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

// start returns a Redis that has 42@5, the middleware before a handler, and a function that polls.
func start(t *testing.T, log *bytes.Buffer, handler http.HandlerFunc) (*redistest.Server, http.Handler, func(context.Context, string, string) *httptest.ResponseRecorder) {
	t.Helper()
	server := redistest.Start(t)
	server.Do("SET", "nudge:{42}", "5")
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	middleware, err := polls.Middleware(client, polls.Options{
		Secret: secret, Identity: []string{"cookie:sid"}, Log: slog.New(slog.NewTextHandler(log, nil)),
	}.Patient())
	if err != nil {
		t.Fatal(err)
	}
	h := middleware(handler)
	return server, h, func(ctx context.Context, cookie, etag string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/poll", nil)
		r.Header.Set("Cookie", cookie)
		r.Header.Set("If-None-Match", etag)
		h.ServeHTTP(w, r)
		return w
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	polls.Answered(w, map[string]int64{"42": 5})
	if text := r.URL.Query().Get("cookie"); text != "" {
		w.Header().Add("Set-Cookie", text)
	}
}

// A browser that goes away is no failure of Redis: the polls of others are answered as before. A Redis that is away is logged once.
func TestWhoseFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	server, _, ask := start(t, &log, answer)
	etag := ask(t.Context(), "sid=ann", "").Header().Get("ETag")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ask(gone, "sid=ann", etag)
	if got := ask(t.Context(), "sid=ann", etag).Code; got != http.StatusNotModified || log.Len() > 0 {
		t.Errorf("after a browser went away: status %d, log %s", got, &log)
	}
	server.Kill()
	for range 3 {
		if got := ask(t.Context(), "sid=ann", etag).Code; got != http.StatusOK {
			t.Errorf("without Redis: status %d", got)
		}
	}
	if strings.Count(log.String(), "nudge: polls go to the application") != 1 {
		t.Errorf("log:\n%s", &log)
	}
}

// Of two cookies of one name, as a page of a sister host can set one, nobody knows which one the application takes.
func TestCookieTwice(t *testing.T) {
	t.Parallel()
	_, _, ask := start(t, &bytes.Buffer{}, answer)
	if etag := ask(t.Context(), "sid=ann; sid=bob", "").Header().Get("ETag"); etag != "" {
		t.Errorf("an answer got %s", etag)
	}
	etag := ask(t.Context(), "xsid=bob; sid=ann", "").Header().Get("ETag")
	for cookies, want := range map[string]int{"sid=ann; sid=bob": 200, "sid=bob; sid=ann": 200, "sid=ann": 304} {
		if got := ask(t.Context(), cookies, etag).Code; got != want {
			t.Errorf("%s: status %d, want %d", cookies, got, want)
		}
	}
}

// Who logs out with an answer is nobody from then on.
func TestLogOut(t *testing.T) {
	t.Parallel()
	_, h, ask := start(t, &bytes.Buffer{}, answer)
	for _, set := range []string{"sid=gone; Max-Age=0", "sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "sid=gone; max-age=-1; Path=/"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/poll?cookie="+url.QueryEscape(set), nil)
		r.Header.Set("Cookie", "sid=ann")
		h.ServeHTTP(w, r)
		for cookie, want := range map[string]int{"": 304, "sid=": 304, "sid=ann": 200, "sid=gone": 200} {
			if got := ask(t.Context(), cookie, w.Header().Get("ETag")).Code; got != want {
				t.Errorf("%s: with %q status %d, want %d", set, cookie, got, want)
			}
		}
	}
}

// What flushes or takes over its connection works behind the middleware, asked in either way, and no answer tells X-Nudge-Version.
func TestFlushAndHijack(t *testing.T) {
	t.Parallel()
	flush := map[string]func(http.ResponseWriter) error{
		"Flusher":    func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"controller": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	}
	_, h, _ := start(t, &bytes.Buffer{}, func(w http.ResponseWriter, r *http.Request) {
		polls.Answered(w, map[string]int64{"42": 5})
		if do := flush[r.URL.Path[1:]]; do != nil {
			if err := do(w); err != nil {
				t.Error(err)
			}
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	})
	server := httptest.NewServer(h)
	defer server.Close()
	for path, ours := range map[string]bool{"Flusher": true, "controller": true, "hijacked": false} {
		response, err := http.Get(server.URL + "/" + path)
		if err != nil {
			t.Error(err)
			continue
		}
		response.Body.Close()
		if strings.HasPrefix(response.Header.Get("ETag"), `W/"nudge1.`) != ours || response.Header.Get("X-Nudge-Version") != "" {
			t.Errorf("%s: %v", path, response.Header)
		}
	}
}
