package gateway_test

import (
	"strings"
	"testing"
	"time"

	"nudge/gateway"
	"nudge/gateway/auth"
)

// A page whose browser does not send its cookie back is refused for ever. The log says so, ever more rarely, and what to do.
func TestLostCookie(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*gateway.Options)
		headers []string // of the page
		after   time.Duration
		cookie  bool // it comes back once
		want    string
	}{
		{"another site", nil, []string{"Origin: https://app.example", "Sec-Fetch-Site: cross-site"}, 0, false, "the page is of another site than the gateway"},
		{"localhost and 127.0.0.1", nil, []string{"Origin: http://localhost:3000", "Host: 127.0.0.1:8080"}, 0, false, "the page is of another site than the gateway"},
		{"Secure over plain HTTP", func(o *gateway.Options) { o.Settings.Auth.CookieSecure = auth.Always }, []string{"Origin: http://intranet.test", "Host: intranet.test"}, 0, false, "use auth.cookie_secure: auto"},
		{"a proxy", nil, []string{"Origin: https://app.example", "Host: app.example"}, time.Second, false, "see that no proxy removes Set-Cookie or Cookie"},
		{"much later", nil, []string{"Origin: https://app.example", "Host: app.example"}, time.Minute, false, ""},
		{"it came back", nil, []string{"Origin: https://app.example", "Host: app.example"}, time.Second, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) {
				o.Settings.CORS.Origins = []string{"https://app.example", "http://localhost:3000"}
				if test.change != nil {
					test.change(o)
				}
			}, func(t *testing.T, r *rig) {
				a := r.post("/session", "", append([]string{as("ann")}, test.headers...)...)
				if a.StatusCode != 204 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				if set := a.Cookies()[0]; test.cookie {
					r.get("/versions?project=42", append([]string{nobody, "Cookie: " + set.Name + "=" + set.Value}, test.headers...)...)
				}
				time.Sleep(test.after)
				for range 5 {
					isProblem(t, r.get("/versions?project=42", append([]string{nobody}, test.headers...)...), "missing")
				}
				var lines []string
				for line := range strings.Lines(r.log.String()) {
					if strings.Contains(line, "its next request came without it") {
						lines = append(lines, line)
					}
				}
				if test.want == "" && len(lines) > 0 || test.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], test.want)) {
					t.Errorf("want %q: %q", test.want, lines)
				}
				isProblem(t, r.get("/versions?project=42", nobody, "User-Agent: another"), "missing")
				if test.want == "" {
					return
				}
				for range 30 { // it tries again each minute
					time.Sleep(time.Minute)
					r.post("/session", "", append([]string{as("ann")}, test.headers...)...)
					r.get("/versions?project=42", append([]string{nobody}, test.headers...)...)
				}
				if n := strings.Count(r.log.String(), "its next request came without it"); n != 3 || !strings.Contains(r.log.String(), "times=10\n") {
					t.Errorf("%d lines in half an hour:\n%s", n, r.log)
				}
			})
		})
	}
}
