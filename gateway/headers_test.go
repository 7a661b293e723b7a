package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"nudge/gateway"
)

// Whatever the headers of a request say: Last-Event-ID changes no answer, nothing panics, an answer has no line in a header
// that it should not have, and the log has one whole line for the request.
func FuzzHeaders(f *testing.F) {
	for _, id := range []string{"", "42@124", "42@9007199254740993", "-1", "\xff\xfe", "<script>", "42@1\tevent: version", "é\u2028", strings.Repeat("9", 4<<10), "0x10, 42@1; drop", "\"}"} {
		f.Add(id, "", "", "gw.example", "")
	}
	f.Add("", "https://evil.example", "1.1.1.1, 10.0.0.1", "evil.example:99999", "nudge=x.y.z; nudge=a")
	f.Add("", "null", "unknown, ::1%eth0", "[::1]", "__Host-nudge=\"; nudge=; =")
	f.Add("", "https://gw.example:443", "[2001:db8::1]:80,", "gw.example.", "nudge="+anybody)
	r := newRig(f, func(o *gateway.Options) {
		o.Settings.Limits.TrustedProxies = networks("127.0.0.0/8", "10.0.0.0/8")
		o.Settings.CORS.Origins = []string{"https://app.example"}
	}, pipes(1))
	for r.get("/versions?project=42").StatusCode == http.StatusServiceUnavailable { // until the first echo
	}
	r.read = len(r.log.String())
	f.Fuzz(func(t *testing.T, id, origin, forwarded, host, cookie string) {
		for _, value := range []string{id, origin, forwarded, host, cookie} {
			if strings.ContainsFunc(value, breaks) {
				return // the server refuses it
			}
		}
		for path, serve := range map[string]http.Handler{"/versions?project=42": r.Handler(), "/poll-interval?project=!": r.Handler(), "/session": r.Handler(), "/live": r.Ops()} {
			method := map[bool]string{true: http.MethodDelete, false: http.MethodGet}[path == "/session"]
			var answers []string
			for _, last := range []string{"", id} {
				req := httptest.NewRequest(method, path, nil)
				req.Host, req.RemoteAddr = host, "10.0.0.1:4000"
				for name, value := range map[string]string{"Last-Event-ID": last, "Origin": origin, "X-Forwarded-For": forwarded, "Cookie": cookie, "X-Forwarded-Host": host, "Forwarded": forwarded} {
					if value != "" {
						req.Header.Set(name, value)
					}
				}
				w := httptest.NewRecorder()
				serve.ServeHTTP(w, req)
				if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
					t.Fatalf("%s: %d", path, w.Code)
				}
				for name, values := range w.Header() {
					for _, value := range values {
						if strings.ContainsFunc(value, breaks) {
							t.Fatalf("%s: %s: %q", path, name, value)
						}
					}
				}
				answers = append(answers, numbers.ReplaceAllString(http.StatusText(w.Code)+w.Body.String(), "0")) // the cadence changes with time
			}
			if answers[0] != answers[1] {
				t.Fatalf("%s with Last-Event-ID %q: %q, without it %q", path, id, answers[1], answers[0])
			}
		}
		log := r.log.String()
		for line := range strings.Lines(log[r.read:]) {
			if !strings.HasPrefix(line, "time=") || len(line) > 2<<10 || strings.ContainsAny(line[:len(line)-1], "\x00\r\n\x1b") {
				t.Fatalf("a line of the log: %q", line)
			}
		}
		r.read = len(log)
	})
}

var numbers = regexp.MustCompile(`[0-9]+`)

// breaks reports whether a character may not be in a header.
func breaks(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
