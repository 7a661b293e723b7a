package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/tmaxmax/go-sse"

	"nudge/gateway"
)

// The rows of the protocol's table of refusals, in its order: each request has the faults of all rows below, too.
func TestEventsRefuses(t *testing.T) {
	tooMany := "/events?x"
	for i := range 65 {
		tooMany += fmt.Sprintf("&project=%d", i)
	}
	expired := "Authorization: Bearer " + sign(jwt.MapClaims{"subscribe": "7", "exp": time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()})
	const foreign = "Origin: https://evil.example"
	cookie := func(token string) string { return "Cookie: nudge=" + token }
	for _, test := range []struct {
		name    string
		path    string
		headers []string
		status  int
		code    string
	}{
		{"no such path", "/event?project=!", []string{nobody}, 404, "not_found"},
		{"no project", "/events", nil, 400, "malformed"},
		{"malformed project", "/events?project=4!2", nil, 400, "malformed"},
		{"malformed version", "/events?project=42@01", nil, 400, "malformed"},
		{"one of two malformed", "/events?project=42&project=", nil, 400, "malformed"},
		{"malformed query", "/events?project=42&%zz", nil, 400, "malformed"},
		{"too many", tooMany, nil, 400, "malformed"},
		{"a bad token before what is malformed", "/events?project=", []string{"Authorization: Bearer x"}, 401, "invalid"},
		{"no token", "/events?project=42", []string{nobody, foreign}, 401, "missing"},
		{"no token but a scheme", "/events?project=42", []string{"Authorization: Bearer"}, 401, "missing"},
		{"another scheme", "/events?project=42", []string{"Authorization: Basic eDp5"}, 401, "missing"},
		{"expired token", "/events?project=42", []string{expired}, 401, "expired"},
		{"no token at all", "/events?project=42", []string{"Authorization: Bearer x.y.z"}, 401, "invalid"},
		{"foreign project", "/events?project=42", []string{as("ann", "7")}, 403, "forbidden"},
		{
			"foreign project from a foreign page", "/events?project=42",
			[]string{nobody, foreign, cookie(sign(jwt.MapClaims{"subscribe": "7"}))},
			403, "origin",
		},
		{"foreign page with a cookie", "/events?project=off", []string{nobody, foreign, cookie(anybody)}, 403, "origin"},
		{"sandboxed page with a cookie", "/events?project=off", []string{nobody, "Origin: null", cookie(anybody)}, 403, "origin"},
		{"off", "/events?project=off&project=off-2", nil, 204, ""},
		{"off or denied", "/events?project=off&project=42", []string{as("ann", "off")}, 204, ""},
		{"over the limit", "/events?project=42&project=off", nil, 503, "limit"},
	} {
		for _, accept := range []string{"", "text/event-stream"} {
			t.Run(test.name+" "+accept, func(t *testing.T) {
				bubble(t, func(o *gateway.Options) {
					o.Settings.Flag.Exclude = []string{"off*"}
					o.Settings.Limits.Streams = 1
				}, func(t *testing.T, r *rig) {
					r.open("/events?project=42")
					a := r.get(test.path, append(test.headers, "Accept: "+accept)...)
					if accept != "" && test.code == "limit" {
						overload(t, a)
						return
					}
					if a.StatusCode != test.status {
						t.Fatalf("%d, not %d: %s", a.StatusCode, test.status, a.body)
					}
					isProblem(t, a, test.code)
				})
			})
		}
	}
}

// isProblem checks the form of a refusal.
func isProblem(t *testing.T, a answer, code string) {
	t.Helper()
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
	if code == "" {
		if a.body != "" {
			t.Errorf("a body: %s", a.body)
		}
		return
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type: %s", got)
	}
	body := a.json(t)
	detail, _ := body["detail"].(string)
	if detail == "" {
		t.Error("no detail")
	}
	delete(body, "detail")
	want := object{"type": "about:blank", "title": http.StatusText(a.StatusCode), "status": float64(a.StatusCode), "code": code}
	for name := range body { // a refusal may say more
		if _, ok := want[name]; !ok {
			delete(body, name)
		}
	}
	if d := cmp.Diff(want, body); d != "" {
		t.Error(d)
	}
	if got := a.Header.Get("WWW-Authenticate"); (a.StatusCode == 401) != (got == "Bearer") {
		t.Errorf("WWW-Authenticate: %q with %d", got, a.StatusCode)
	}
	if got := a.Header.Get("Retry-After"); (a.StatusCode == 503 || a.StatusCode == 429) != (got != "") {
		t.Errorf("Retry-After: %q with %d", got, a.StatusCode)
	}
	for _, secret := range []string{"signature", "audience", "segment", "claim expired"} {
		if a.StatusCode == 401 && strings.Contains(detail, secret) {
			t.Errorf("says why: %s", detail)
		}
	}
}

// overload checks a refusal in the form of a stream.
func overload(t *testing.T, a answer) {
	t.Helper()
	farewell(t, a, "overload")
}

func farewell(t *testing.T, a answer, reason string) {
	t.Helper()
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(a.body, "retry: ") {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	var names []string
	for e, err := range sse.Read(strings.NewReader(a.body), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Type)
		said := event{Event: e}.json(t)
		if said["reason"] != reason || said["after_ms"].(float64) < 1000 {
			t.Error(said)
		}
	}
	if d := cmp.Diff([]string{"goodbye"}, names); d != "" {
		t.Error(d)
	}
}

func TestMethods(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for path, allowed := range map[string]string{
			"/events": "GET", "/poll-interval": "GET, HEAD", "/versions": "GET, POST", "/session": "POST, DELETE", "/missed": "POST", "/shadow": "POST",
			"/live": "GET, HEAD", "/ready": "GET, HEAD", "/nudge.js": "GET, HEAD",
		} {
			a := r.do(http.MethodPut, path+"?project=42", "")
			if a.StatusCode != 405 || a.Header.Get("Allow") != allowed {
				t.Errorf("%s: %d, Allow: %s", path, a.StatusCode, a.Header.Get("Allow"))
			}
			isProblem(t, a, "method")
			head := r.do(http.MethodHead, path+"?project=42", "")
			if want := map[bool]int{true: 200, false: 405}[strings.Contains(allowed, "HEAD")]; head.StatusCode != want {
				t.Errorf("HEAD %s: %d", path, head.StatusCode)
			}
			if head.body != "" {
				t.Errorf("HEAD %s has a body", path)
			}
		}
		for _, path := range []string{"/metrics", "/status", "/debug/pprof/", "/events/", "/nudge.map"} {
			if a := r.get(path); a.StatusCode != 404 {
				t.Errorf("%s: %d", path, a.StatusCode)
			}
		}
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestBasePath(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.BasePath = "/push" }, func(t *testing.T, r *rig) {
		r.open("/push/events?project=42").next("hello")
		for path, want := range map[string]int{
			"/push/live": 200, "/push/ready": 200, "/push/nudge.js": 200, "/push/poll-interval": 200, "/push/versions?project=42": 200,
			"/events?project=42": 404, "/live": 200, "/ready": 200, "/": 200, "/nudge.js": 404, "/push": 200, "/push/": 200, "/push/x": 404, "/ops/live": 200,
		} {
			if a := r.get(path); a.StatusCode != want {
				t.Errorf("%s: %d, not %d", path, a.StatusCode, want)
			}
		}
		a := r.post("/push/events", "")
		isProblem(t, a, "method")
		if got := a.Header.Get("Allow"); got != "GET" {
			t.Errorf("Allow: %s", got)
		}
		isProblem(t, r.get("/push/x"), "not_found")
		if strings.Contains(r.log.String(), `level=INFO msg=request method=GET path=/push/live`) {
			t.Error("a probe of the load balancer is logged at info")
		}
	})
}

// The id that a proxy gave a request is in its log line, so that both logs can be compared; a token sent as one is not.
func TestRequestIDIsLogged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for id, logged := range map[string]bool{
			"7f3c0b1e-9d2a-4c55-8e1f-000000000042":      true,
			"f5a1d3c2b4e69788":                          true,
			"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2ln": false,
			strings.Repeat("a", 65):                     false,
			"a b":                                       false,
		} {
			r.get("/events", "X-Request-Id: "+id)
			if got := strings.Contains(r.log.String(), "id="+id); got != logged {
				t.Errorf("%q logged: %v", id, got)
			}
		}
		if strings.Contains(r.log.String(), "eyJ") {
			t.Error("a token is in the log")
		}
	})
}
