package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
	"nudge/gateway/auth"
)

// A cookie that counts beside the Authorization of other software is a cookie all the same: pages of any origin send it.
func TestCookieBesideAuthorizationChecksOrigin(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, authorization := range []string{"Basic dTpw", "Bearer of.other.software"} {
			headers := []string{"Authorization: " + authorization, "Cookie: nudge=" + anybody}
			if a := r.get("/versions?project=42", headers...); a.StatusCode != 200 {
				t.Errorf("%s: %d %s", authorization, a.StatusCode, a.body)
			}
			isProblem(t, r.get("/versions?project=42", append(headers, "Origin: https://evil.example")...), "origin")
		}
		if log := r.log.String(); strings.Contains(log, "a token is not accepted") {
			t.Errorf("credentials of other software are taken for a token:\n%s", log)
		}
	})
}

// Our own header makes a cookie behind a proxy that wants a password in Authorization.
func TestSessionBesideBasic(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		a := r.post("/session", "", "Authorization: Basic dTpw", "X-Nudge-Token: "+anybody)
		if a.StatusCode != 204 || len(a.Cookies()) != 1 || a.Cookies()[0].Value != anybody {
			t.Errorf("%d %v", a.StatusCode, a.Header)
		}
		isProblem(t, r.post("/session", "", "Authorization: Basic dTpw"), "missing")
		isProblem(t, r.post("/session", "", "Authorization: Bearer "+anybody, "X-Nudge-Token: x"), "invalid")
	})
}

// through sends a request by hand, from an address.
func (r *rig) through(address, method, path string, headers ...string) *http.Response {
	req := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, nil)
	req.RemoteAddr = address + ":4711"
	for _, h := range append([]string{"X-Nudge-Token: " + anybody}, headers...) {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		} else if req.Header.Add(name, value); value == "" {
			req.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, req)
	return w.Result()
}

func TestCookieSecure(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, test := range []struct {
		name, from string
		headers    []string
		mode       auth.CookieSecure
		secure     bool
	}{
		{"intranet", "192.0.2.1", []string{"Origin: http://intranet.test"}, auth.Auto, false},
		{"zero value", "192.0.2.1", []string{"Origin: https://app.test"}, "", true},
		{"always", "192.0.2.1", []string{"Origin: http://intranet.test"}, auth.Always, true},
		{"never", "192.0.2.1", []string{"Origin: https://app.test"}, auth.Never, false},
		{"trusted proxy", "10.0.0.7", []string{"X-Forwarded-Proto: https"}, auth.Auto, true},
		{"two of them", "10.0.0.7", []string{"X-Forwarded-Proto: https, http"}, auth.Auto, true},
		{"plain before them", "10.0.0.7", []string{"X-Forwarded-Proto: http, https"}, auth.Auto, false},
		{"Forwarded", "10.0.0.7", []string{`Forwarded: for=192.0.2.9;Proto="https";host=a, for=10.0.0.8`}, auth.Auto, true},
		{"proxy on this machine", "127.0.0.1", []string{"X-Forwarded-Proto: https"}, auth.Auto, true},
		{"nobody's proxy", "192.0.2.1", []string{"X-Forwarded-Proto: https", "Forwarded: proto=https"}, auth.Auto, false},
	} {
		bubble(t, func(o *gateway.Options) {
			o.Settings.Limits.TrustedProxies, o.Settings.Auth.CookieSecure = trusted, test.mode
			o.Settings.CORS.Origins = []string{"http://intranet.test", "https://app.test"}
		}, func(t *testing.T, r *rig) {
			for _, method := range []string{http.MethodPost, http.MethodDelete} {
				cookies := r.through(test.from, method, "/session", test.headers...).Cookies()
				if len(cookies) == 0 || cookies[0].Secure != test.secure || strings.HasPrefix(cookies[0].Name, "__Host-") != test.secure {
					t.Errorf("%s: %s: %v", test.name, method, cookies)
				}
			}
		})
	}
}

// Two gateways below paths of one host have each their own cookie.
func TestCookiePath(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.BasePath = "/push" }, func(t *testing.T, r *rig) {
		for _, origin := range []string{"http://gw.example", "https://gw.example"} {
			for method, value := range map[string]string{http.MethodPost: anybody, http.MethodDelete: ""} {
				set := r.do(method, "/push/session", "", "Origin: "+origin).Header.Values("Set-Cookie")
				// Browsers take no cookie with the prefix __Host- that is not for all paths.
				if len(set) == 0 || !strings.HasPrefix(set[0], "nudge="+value+"; Path=/push; ") {
					t.Errorf("%s from %s: %q", method, origin, set)
				}
			}
		}
		// The one with the path counts before that of an earlier gateway, or of the root of the host.
		both := "Cookie: __Host-nudge=" + sign(jwt.MapClaims{"subscribe": "7"}) + "; nudge=" + sign(jwt.MapClaims{"subscribe": "42"})
		if a := r.get("/push/versions?project=42", nobody, both); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if a := r.get("/push/versions?project=7", nobody, "Cookie: __Host-nudge="+sign(jwt.MapClaims{"subscribe": "7"})); a.StatusCode != 200 {
			t.Errorf("a cookie of the application: %d %s", a.StatusCode, a.body)
		}
	})
}

// A proxy in front has changed Host, as nginx does by default and development servers do with changeOrigin.
func TestHostRewritten(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	const page = "Origin: https://app.test"
	for _, test := range []struct {
		name, from string
		headers    []string
		ok         bool
	}{
		{"the browser says it", "192.0.2.1", []string{"Sec-Fetch-Site: same-origin"}, true},
		{"X-Forwarded-Host", "10.0.0.7", []string{"X-Forwarded-Host: app.test"}, true},
		{"a list", "10.0.0.7", []string{"X-Forwarded-Host: app.test:443, inner.test"}, true},
		{"Forwarded", "10.0.0.7", []string{`Forwarded: for=192.0.2.9;host="app.test";proto=https`}, true},
		{"a proxy on this machine", "127.0.0.1", []string{"X-Forwarded-Host: app.test"}, true},
		{"another host", "10.0.0.7", []string{"X-Forwarded-Host: other.test"}, false},
		{"nobody's proxy", "192.0.2.1", []string{"X-Forwarded-Host: app.test", "Forwarded: host=app.test"}, false},
		{"nothing", "10.0.0.7", nil, false},
		{"another site", "192.0.2.1", []string{"Sec-Fetch-Site: cross-site"}, false},
	} {
		bubble(t, func(o *gateway.Options) { o.Settings.Limits.TrustedProxies = trusted }, func(t *testing.T, r *rig) {
			resp := r.through(test.from, http.MethodPost, "/session", append(test.headers, page)...)
			if ok := resp.StatusCode == 204; ok != test.ok {
				t.Errorf("%s: %d", test.name, resp.StatusCode)
			}
			if test.ok {
				return
			}
			body := make([]byte, 1000)
			n, _ := resp.Body.Read(body)
			for what, text := range map[string]string{"the answer": string(body[:n]), "the log": r.log.String()} {
				for _, part := range []string{"https://app.test", "127.0.0.1:8080", "cors.origins", "pass Host on", "limits.trusted_proxies"} {
					if !strings.Contains(text, part) {
						t.Errorf("%s: %s does not name %s:\n%s", test.name, what, part, text)
					}
				}
			}
		})
	}
}

func TestOriginPatterns(t *testing.T) {
	origins := []string{"https://*.example.com", "http://*.localhost:3000", "capacitor://localhost", "tauri://localhost", "chrome-extension://aohghmig", "moz-extension://*"}
	bubble(t, func(o *gateway.Options) { o.Settings.CORS.Origins = origins }, func(t *testing.T, r *rig) {
		for origin, want := range map[string]bool{
			"https://app.example.com": true, "https://a-b.example.com": true, "http://app.localhost:3000": true,
			"capacitor://localhost": true, "tauri://localhost": true, "chrome-extension://aohghmig": true,
			"https://example.com": false, "https://a.b.example.com": false, "https://.example.com": false, "http://app.example.com": false,
			"https://app.example.com:8443": false, "https://app.example.com.evil.example": false, "https://evil.example/.example.com": false,
			"https://evil.example:1.example.com": false, "http://app.localhost": false, "capacitor://localhost:1": false, "ionic://localhost": false,
			"moz-extension://0d7e-4c": true, "moz-extension://a.b": false, "moz-extension://": false,
			"https://*.example.com":    true, // no browser sends it
			"chrome-extension://other": false, "null": false, "*": false,
		} {
			a := r.get("/poll-interval?project=42", nobody, "Cookie: nudge="+anybody, "Origin: "+origin)
			if got := a.Header.Get("Access-Control-Allow-Origin") == origin; got != want || (a.StatusCode == 200) != want {
				t.Errorf("%s: %d, Access-Control-Allow-Origin: %s", origin, a.StatusCode, a.Header.Get("Access-Control-Allow-Origin"))
			}
		}
	})
}

// Tracing adds headers to every request of a page.
func TestTraceHeaders(t *testing.T) {
	change := func(o *gateway.Options) {
		o.Settings.CORS = auth.CORS{Origins: auth.Origins{"https://app.test"}, Headers: []string{"X-Own"}}
	}
	ask := func(r *rig, headers string) (allowed, origin string) {
		a := r.do(http.MethodOptions, "/events", "", nobody, "Origin: https://app.test", "Access-Control-Request-Method: GET",
			"Access-Control-Request-Headers: "+headers)
		return strings.ToLower(a.Header.Get("Access-Control-Allow-Headers")), a.Header.Get("Access-Control-Allow-Origin")
	}
	bubble(t, change, func(t *testing.T, r *rig) {
		for _, headers := range []string{
			"traceparent, tracestate, baggage", "baggage, sentry-trace", "x-nudge-token", "b3", "authorization, x-own",
			"x-datadog-origin, x-datadog-parent-id, x-datadog-sampling-priority, x-datadog-trace-id",
			"newrelic, traceparent, tracestate", "request-context, request-id", "elastic-apm-traceparent", "uber-trace-id",
		} {
			if allowed, origin := ask(r, headers); allowed != headers || origin == "" {
				t.Errorf("%s: allowed: %q for %q", headers, allowed, origin)
			}
		}
		if log := r.log.String(); strings.Contains(log, "cors.headers") {
			t.Error(log)
		}
		// The browser then blames the header, not the origin.
		if allowed, origin := ask(r, "traceparent, x-secret-sauce"); allowed != "traceparent" || origin == "" {
			t.Errorf("allowed: %q for %q", allowed, origin)
		}
		if log := r.log.String(); !strings.Contains(log, "cors.headers") || !strings.Contains(log, "x-secret-sauce") || !strings.Contains(log, "https://app.test") {
			t.Errorf("the refused header is not in the log:\n%s", log)
		}
		for range 20 {
			ask(r, "x-secret-sauce")
		}
		if n := strings.Count(r.log.String(), "cors.headers"); n > 3 {
			t.Errorf("%d lines of one header", n)
		}
	})
	bubble(t, func(o *gateway.Options) { change(o); o.Settings.CORS.Headers = []string{"*"} }, func(t *testing.T, r *rig) {
		if allowed, _ := ask(r, "x-secret-sauce"); allowed != "x-secret-sauce" {
			t.Error(allowed)
		}
	})
}

// Another origin is let in while streams are open.
func TestOriginsReload(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		const page = "Origin: https://app.test"
		isProblem(t, r.post("/session", "", page), "origin")
		r.settings.CORS.Origins = []string{"https://app.test"}
		if err := r.Apply(r.settings); err != nil {
			t.Fatal(err)
		}
		if a := r.post("/session", "", page); a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		s.next("heartbeat")
	})
}

// A page learns whom its token names, and so finds out that a stream, or an answer, is for somebody else: another tab has given
// the gateway another token, and the browser has one cookie.
func TestCallerIsNamed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		tagOf := func(header string) (all [4]any) {
			hello := r.open("/events?project=42", header).next("hello")
			versions, terms := r.get("/versions?project=42", header).json(t), r.get("/poll-interval?project=42", header).json(t)
			session := r.post("/session", "", header)
			return [4]any{session.Header.Get("X-Nudge-Caller"), hello["caller"], versions["caller"], terms["caller"]}
		}
		ann, again, bob := tagOf(as("ann")), tagOf(as("ann", "42", "7")), tagOf(as("bob"))
		unnamed := tagOf("Authorization: Bearer " + anybody)
		for _, tags := range [][4]any{ann, bob, unnamed} {
			if tags[0] == "" || tags[1] != tags[0] || tags[2] != tags[0] || tags[3] != tags[0] {
				t.Errorf("session, hello, versions and terms differ: %v", tags)
			}
		}
		if ann != again || ann == bob || ann == unnamed || bob == unnamed {
			t.Errorf("ann %v and %v, bob %v, no subject %v", ann[0], again[0], bob[0], unnamed[0])
		}
		// All gateways of a fleet must say the same, of any build.
		if ann[0] != "0QkgjB7T" {
			t.Errorf("the name of ann has become %v", ann[0])
		}
	})
	bubble(t, func(o *gateway.Options) { o.Settings.Auth = auth.Settings{Open: true} }, func(t *testing.T, r *rig) {
		if hello := r.open("/events?project=42", nobody).next("hello"); hello["caller"] != nil {
			t.Error(hello)
		}
	})
}
