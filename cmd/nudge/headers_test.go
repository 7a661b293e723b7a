package main

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nudge/cmd/nudge/outage"
	"nudge/web"
)

// Every answer of both listeners and of the demo has the headers that protect who reads it in a browser, refusals included.
func TestHeadersOfEveryAnswer(t *testing.T) {
	c := demoConfig("127.0.0.1:0")
	c.TLS.HSTS = 90 * time.Second
	d := &demonstration{config: c, log: slog.New(slog.DiscardHandler), proxy: outage.NewProxy()}
	if err := d.newGateway(); err != nil {
		t.Fatal(err)
	}
	shims := "GET /nudge.000000000000.js\n"
	for _, f := range web.Files() {
		shims += "GET /" + f.Name + "\n"
	}
	const page = "default-src 'self'"
	for _, listener := range []struct {
		name     string
		handler  http.Handler
		policy   string
		requests string
	}{
		{"public", d.gateway.Handler(), web.NoPage, shims + `GET /
			GET /live
			HEAD /ready
			GET /events?project=42
			OPTIONS /events
			GET /poll-interval
			GET /versions?project=42
			POST /versions
			POST /session
			DELETE /session
			POST /missed
			PUT /missed
			GET /../etc`},
		{"operators'", d.gateway.Ops(), web.NoPage, `
			GET /
			GET /live
			GET /ready
			GET /status
			GET /metrics
			GET /debug/pprof/
			GET /debug/pprof/cmdline
			GET /debug/pprof/symbol
			GET /debug/pprof/heap?debug=1
			GET /debug/pprof/trace?seconds=0.001
			PUT /status`},
		{"demo", d.app("nudge watch"), page, `
			GET /
			GET /app/page/main.js
			GET /app/page/base.css
			GET /app/page/icon.svg
			GET /app/page/nothing
			GET /app/settings
			POST /app/token
			GET /app/switches
			POST /app/switches
			GET /app/projects/42
			GET /app/projects/42/changes?since=1
			POST /app/projects/42/stories
			GET /app/projects/42/stories/1
			POST /app/projects/42/stories/1/move
			POST /app/projects/42/stories/1/rename
			GET /app/nothing`},
	} {
		for request := range strings.SplitSeq(strings.TrimSpace(listener.requests), "\n") {
			method, target, _ := strings.Cut(strings.TrimSpace(request), " ")
			for _, encrypted := range []bool{false, true} {
				r, w := httptest.NewRequest(method, target, nil), httptest.NewRecorder()
				r.Host, r.TLS = "127.0.0.1", nil
				if encrypted {
					r.TLS = &tls.ConnectionState{}
				}
				listener.handler.ServeHTTP(w, r)
				want := map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Strict-Transport-Security": ""}
				if encrypted {
					want["Strict-Transport-Security"] = "max-age=0" // of the demo
					if listener.policy == web.NoPage {
						want["Strict-Transport-Security"] = "max-age=90"
					}
				}
				for name, want := range want {
					if got := strings.Join(w.Header()[name], "|"); got != want {
						t.Errorf("%s %s (%s listener): %d, %s: %q, not %q", method, target, listener.name, w.Code, name, got, want)
					}
				}
				policy := w.Header()["Content-Security-Policy"]
				if len(policy) != 1 || !strings.HasPrefix(policy[0], listener.policy) || !strings.Contains(policy[0], "frame-ancestors") || strings.Contains(policy[0], "unsafe") {
					t.Errorf("%s %s (%s listener): %d, Content-Security-Policy: %q", method, target, listener.name, w.Code, policy)
				}
			}
		}
	}
}
