package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"nudge/gateway"

	"nudge/gateway/auth"
)

func TestSession(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		token := sign(jwt.MapClaims{"subscribe": "42", "exp": time.Now().Add(time.Hour).Unix()})
		bearer := "Authorization: Bearer " + token
		for name, test := range map[string]struct {
			headers []string
			secure  bool
		}{
			"plain, on loopback by name":  {[]string{"Host: localhost:8080"}, false},
			"plain, on loopback":          {[]string{"Host: 127.0.0.1:8080"}, false},
			"plain, on IPv6 loopback":     {[]string{"Host: [::1]:8080"}, false},
			"plain, on IPv6 without port": {[]string{"Host: [::1]"}, false},
			"plain, elsewhere":            {[]string{"Host: gw.example"}, false},
			"an intranet":                 {[]string{"Host: intranet.test", "Origin: http://intranet.test"}, false},
			"an address":                  {[]string{"Host: 192.168.1.20", "Origin: http://192.168.1.20"}, false},
			"the page has TLS":            {[]string{"Host: 127.0.0.1:8080", "Origin: https://127.0.0.1:8080"}, true},
			"no proxy that is trusted":    {[]string{"Host: gw.example", "X-Forwarded-Proto: https"}, false},
		} {
			a := r.post("/session", "", append(test.headers, bearer)...)
			if a.StatusCode != 204 || a.body != "" {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
				continue
			}
			want := "nudge=" + token + "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"
			if test.secure { // the page of another host cannot set a cookie of this name
				want = "__Host-nudge=" + token + "; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"
			}
			if d := cmp.Diff([]string{want}, a.Header.Values("Set-Cookie")); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: %s", got)
			}
		}
		overTLS := httptest.NewRequest(http.MethodPost, "https://localhost/session", nil)
		overTLS.Header.Set("Authorization", "Bearer "+token)
		got := httptest.NewRecorder()
		r.Handler().ServeHTTP(got, overTLS)
		if all := got.Result().Cookies(); len(all) != 1 || !all[0].Secure {
			t.Errorf("TLS on loopback: %v", all)
		}

		cookie := r.post("/session", "", bearer).Cookies()[0]
		hello := r.open("/events?project=42", nobody, "Cookie: "+cookie.Name+"="+cookie.Value).next("hello")
		if hello["token_expires_in_s"] != 3600.0 {
			t.Error(hello)
		}
	})
}

func TestSessionRefuses(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		many := make([]string, 300)
		for i := range many {
			many[i] = strings.Repeat("p", 10)
		}
		for name, test := range map[string]struct {
			headers []string
			status  int
			code    string
		}{
			"no token":        {[]string{nobody}, 401, "missing"},
			"only a cookie":   {[]string{nobody, "Cookie: nudge=" + anybody}, 401, "missing"},
			"a bad token":     {[]string{"Authorization: Bearer x"}, 401, "invalid"},
			"an expired one":  {[]string{"Authorization: Bearer " + sign(jwt.MapClaims{"exp": 1})}, 401, "expired"},
			"a foreign page":  {[]string{"Origin: https://evil.example"}, 403, "origin"},
			"a token too big": {[]string{as("ann", many...)}, 413, "too_large"},
		} {
			a := r.post("/session", "", test.headers...)
			if a.StatusCode != test.status || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d, Set-Cookie: %s", name, a.StatusCode, a.Header.Get("Set-Cookie"))
			}
			isProblem(t, a, test.code)
		}
		if a := r.post("/session", "", "Origin: http://gw.example"); a.StatusCode != 204 {
			t.Errorf("our own page: %d", a.StatusCode)
		}
	})
}

// DELETE /session takes the cookie back, without a token, for pages of allowed origins.
func TestSessionEnds(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.CORS.Origins = []string{"https://app.example"} }, func(t *testing.T, r *rig) {
		for name, test := range map[string]struct {
			headers []string
			secure  bool
		}{
			"no token":            {[]string{"Host: gw.example"}, false},
			"an expired cookie":   {[]string{"Host: gw.example", "Cookie: nudge=" + sign(jwt.MapClaims{"exp": 1})}, false},
			"our own page":        {[]string{"Host: gw.example", "Origin: https://gw.example"}, true},
			"an allowed page":     {[]string{"Host: gw.example", "Origin: https://app.example"}, true},
			"plain, on loopback":  {[]string{"Host: localhost:8080"}, false},
			"a bad Authorization": {[]string{"Host: gw.example", "Authorization: Bearer x"}, false},
		} {
			a := r.do(http.MethodDelete, "/session", "", append([]string{nobody}, test.headers...)...)
			want := []string{"nudge=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"}
			if test.secure {
				want = []string{
					"__Host-nudge=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
					"nudge=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
				}
			}
			if d := cmp.Diff(want, a.Header.Values("Set-Cookie")); a.StatusCode != 204 || a.body != "" || d != "" {
				t.Errorf("%s: %d %s %s", name, a.StatusCode, a.body, d)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control: %s", name, got)
			}
		}
		a := r.do(http.MethodDelete, "/session", "", "Origin: https://evil.example")
		if isProblem(t, a, "origin"); a.Header.Get("Set-Cookie") != "" {
			t.Error("a foreign page logs a user out")
		}
		preflight := r.do(http.MethodOptions, "/session", "", nobody, "Origin: https://app.example", "Access-Control-Request-Method: DELETE")
		if got := preflight.Header.Get("Access-Control-Allow-Methods"); preflight.StatusCode/100 != 2 || !strings.Contains(got, "DELETE") {
			t.Errorf("preflight: %d %v", preflight.StatusCode, preflight.Header)
		}
		if a := r.get("/session"); a.StatusCode != 405 || a.Header.Get("Allow") != "POST, DELETE" {
			t.Errorf("GET: %d, Allow: %s", a.StatusCode, a.Header.Get("Allow"))
		}
	})
}

func TestSessionWithoutCookies(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Cookie = "" }, func(t *testing.T, r *rig) {
		isProblem(t, r.post("/session", ""), "not_found")
		isProblem(t, r.do(http.MethodDelete, "/session", ""), "not_found")
		isProblem(t, r.get("/events?project=42", nobody, "Cookie: nudge="+anybody), "missing")
	})
}

func TestMissed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const good = `{"project":"42","version":125,"named":124}`
		for _, test := range []struct {
			name    string
			body    string
			headers []string
			status  int
			code    string
		}{
			{"good", good, nil, 204, ""},
			{"nothing was named", `{"project":"42","version":125}`, nil, 204, ""},
			{"null was named", `{"project":"42","version":125,"named":null}`, nil, 204, ""},
			{"our own page", good, []string{"Origin: http://gw.example"}, 204, ""},
			{"empty", "", nil, 400, "malformed"},
			{"no project", `{"version":1}`, nil, 400, "malformed"},
			{"bad project", `{"project":"!","version":1}`, nil, 400, "malformed"},
			{"no version", `{"project":"42","named":1}`, nil, 400, "malformed"},
			{"bad version", `{"project":"42","version":1e3}`, nil, 400, "malformed"},
			{"bad named", `{"project":"42","version":1,"named":-1}`, nil, 400, "malformed"},
			{"an array", "[" + good + "]", nil, 400, "malformed"},
			{"too large", good + strings.Repeat(" ", 64<<10), nil, 413, "too_large"},
			{"no token", good, []string{nobody}, 401, "missing"},
			{"bad token", good, []string{"Authorization: Bearer x"}, 401, "invalid"},
			{"another's project", good, []string{as("ann", "7")}, 403, "forbidden"},
			{"foreign page", good, []string{"Origin: https://evil.example"}, 403, "origin"},
		} {
			a := r.post("/missed", test.body, test.headers...)
			if a.StatusCode != test.status {
				t.Errorf("%s: %d, not %d: %s", test.name, a.StatusCode, test.status, a.body)
			}
			if test.code != "" {
				isProblem(t, a, test.code)
			}
		}
		if n := r.metric(`nudge_missed_total{kind="publisher"}`); n != 4 {
			t.Errorf("%v counted", n)
		}
	})
}

func TestCORS(t *testing.T) {
	const app, evil = "Origin: https://app.example", "Origin: https://evil.example"
	bubble(t, func(o *gateway.Options) { o.Settings.CORS.Origins = []string{"https://app.example"} }, func(t *testing.T, r *rig) {
		for _, path := range []string{"/events", "/poll-interval", "/versions", "/session", "/missed", "/shadow"} {
			a := r.do(http.MethodOptions, path, "", nobody, app,
				"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization, content-type")
			h := a.Header
			if a.StatusCode/100 != 2 || h.Get("Access-Control-Allow-Origin") != "https://app.example" ||
				h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
				!strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "authorization") {
				t.Errorf("%s: %d %v", path, a.StatusCode, h)
			}
			a = r.do(http.MethodOptions, path, "", nobody, evil, "Access-Control-Request-Method: POST")
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s lets in %s", path, got)
			}
		}
		r.get("/events", "Origin: https://other.example")
		for hours, want := range []int{2, 3} { // each once an hour
			if log := r.log.String(); strings.Contains(log, "app.example") || strings.Count(log, `msg="a page may not read the answers"`) != want {
				t.Errorf("who was kept out is not in the log, or too often, after %d h:\n%s", hours, log)
			}
			time.Sleep(time.Hour)
			r.do(http.MethodOptions, "/events", "", nobody, evil, "Access-Control-Request-Method: POST")
		}
		for _, path := range []string{"/poll-interval", "/versions?project=42", "/versions", "/events"} {
			a := r.get(path, app)
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "https://app.example" {
				t.Errorf("%s: Access-Control-Allow-Origin: %s", path, got)
			}
			exposed := strings.ToLower(a.Header.Get("Access-Control-Expose-Headers"))
			for _, name := range []string{"x-poll-interval", "retry-after", "www-authenticate"} {
				if !strings.Contains(exposed, name) {
					t.Errorf("%s hides %s", path, name)
				}
			}
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: Vary: %s", path, a.Header.Values("Vary"))
			}
			if got := r.get(path, evil).Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("%s can be read by %s", path, got)
			}
		}
		for _, origin := range []string{app, "Origin: http://gw.example", "Origin: https://GW.example"} {
			r.open("/events?project=42", nobody, "Cookie: nudge="+anybody, origin).next("hello")
		}
		// A token that no page sends by itself does what it may, wherever the page is from.
		r.open("/events?project=42", evil).next("hello")
		for _, origin := range []string{evil, "Origin: http://gw.example:81", "Origin: http://app.example", "Origin: https://app.example.evil.example"} {
			isProblem(t, r.get("/events?project=42", nobody, "Cookie: nudge="+anybody, origin), "origin")
			isProblem(t, r.get("/poll-interval", nobody, "Cookie: nudge="+anybody, origin), "origin")
		}
	})
	bubble(t, func(o *gateway.Options) {
		o.Settings.CORS.Origins = []string{"*"}
		o.Settings.Auth = auth.Settings{Open: true}
	}, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42", nobody, evil)
		s.next("hello")
		// The shim always asks with credentials, and a browser then takes no "*".
		if h := s.resp.Header; h.Get("Access-Control-Allow-Origin") != "https://evil.example" || h.Get("Access-Control-Allow-Credentials") != "true" {
			t.Error(h)
		}
		// A page that has a getToken all the same needs no cookie here, and is not held up.
		a := r.post("/session", "", "Authorization: Bearer x", evil)
		if a.StatusCode != 204 || len(a.Cookies()) > 0 {
			t.Errorf("/session of an open gateway: %d %v", a.StatusCode, a.Header)
		}
	})
}

// A page of another site asks nothing of the gateway where a browser says so, and sends no Origin.
func TestFetchMetadata(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		cookie := "Cookie: nudge=" + anybody
		for _, site := range []string{"cross-site", "same-site"} {
			image := []string{nobody, cookie, "Sec-Fetch-Site: " + site, "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}
			for _, path := range []string{"/events?project=42", "/versions?project=42", "/poll-interval?project=42"} {
				isProblem(t, r.get(path, image...), "origin")
			}
			isProblem(t, r.post("/missed", `{"project":"42","version":1}`, image...), "origin")
			if a := r.get("/nudge.js", image...); a.StatusCode != 200 { // scripts are for pages of any origin
				t.Errorf("/nudge.js: %d", a.StatusCode)
			}
			isProblem(t, r.get("/ops/status", image...), "origin")
			isProblem(t, r.get("/ops/debug/pprof/cmdline", image...), "origin")
		}
		for _, site := range []string{"same-origin", "none"} {
			for _, path := range []string{"/versions?project=42", "/ops/status"} {
				if a := r.get(path, nobody, cookie, "Sec-Fetch-Site: "+site); a.StatusCode != 200 {
					t.Errorf("%s, %s: %d", path, site, a.StatusCode)
				}
			}
		}
		link := []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}
		if a := r.get("/ops/status", link...); a.StatusCode != 200 {
			t.Errorf("a link to /status: %d", a.StatusCode)
		}
		isProblem(t, r.get("/ops/status", "Origin: https://evil.example"), "origin")
		isProblem(t, r.get("/ops/status", "Origin: null"), "origin")
	})
}

// A page whose own name leads to the gateway's address reads nothing of the operators' listener, nor of a gateway whose names
// are configured.
func TestForeignHost(t *testing.T) {
	ops := func(o *gateway.Options) { o.OpsHosts = []string{"gw-1.internal"} }
	bubble(t, ops, func(t *testing.T, r *rig) {
		for host, status := range map[string]int{
			"127.0.0.1:9090": 200, "localhost:9090": 200, "LOCALHOST": 200, "a.localhost:1": 200, "10.0.0.7": 200, "[::1]:9090": 200,
			"[2001:db8::1]": 200, "gw-1.internal:9090": 200, "GW-1.internal.": 200,
			"evil.example": 421, "localhost.evil.example:9090": 421, "127.0.0.1.evil.example": 421, "gw-1.internal.evil.example": 421,
		} {
			for _, path := range []string{"/status", "/metrics", "/debug/pprof/cmdline", "/live"} {
				a := r.get("/ops"+path, "Host: "+host)
				if a.StatusCode != status {
					t.Errorf("%s at %s: %d", path, host, a.StatusCode)
				}
				if status != 200 {
					isProblem(t, a, "host")
				}
			}
			if a := r.get("/live", "Host: "+host); a.StatusCode != 200 {
				t.Errorf("the public listener at %s: %d", host, a.StatusCode)
			}
		}
	})
	public := func(o *gateway.Options) {
		o.Hosts, o.Settings.Auth = []string{"push.example.com"}, auth.Settings{Open: true}
	}
	bubble(t, public, func(t *testing.T, r *rig) {
		for host, status := range map[string]int{"push.example.com": 200, "192.0.2.1:8080": 200, "localhost": 200, "evil.example": 421} {
			for _, path := range []string{"/versions?project=42", "/poll-interval", "/nudge.js", "/live"} {
				if a := r.get(path, nobody, "Host: "+host); a.StatusCode != status {
					t.Errorf("%s at %s: %d", path, host, a.StatusCode)
				}
			}
			if status != 200 {
				isProblem(t, r.get("/events?project=42", nobody, "Host: "+host), "host")
			}
		}
	})
}
