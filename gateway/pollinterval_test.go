package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
)

// calm is the answer to everybody while all is well.
func calm(changes object) object {
	all := object{
		"protocol": 1.0, "push": "healthy", "poll_ms": 300000.0, "fast_ms": 10000.0, "jitter": 0.2, "heartbeat_ms": 25000.0,
		"ttl_ms": 60000.0, "connect_after_ms": 0.0, "denied": []any{}, "off": []any{}, "refusing": "",
	}
	for name, value := range changes {
		all[name] = value
	}
	return all
}

func TestPollInterval(t *testing.T) {
	off := object{"push": "off", "poll_ms": 10000.0}
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Exclude = []string{"beta"} }, func(t *testing.T, r *rig) {
		for _, test := range []struct {
			name    string
			path    string
			headers []string
			want    object
		}{
			{"anonymous", "/poll-interval", []string{nobody}, object{"anonymous": true}},
			{"anonymous, projects", "/poll-interval?project=42@5&project=7", []string{nobody}, object{"anonymous": true, "denied": []any{"42", "7"}}},
			{"anonymous, a project off", "/poll-interval?project=beta", []string{nobody}, object{"anonymous": true, "denied": []any{"beta"}}},
			{"a project off", "/poll-interval?project=beta", nil, object{"off": []any{"beta"}, "push": "off", "poll_ms": 10000.0, "ttl_ms": 10000.0}},
			{"one who opens a stream", "/poll-interval?project=42", nil, nil},
			{"somebody", "/poll-interval", nil, object{"ttl_ms": 10000.0}},
			{"all denied", "/poll-interval?project=42", []string{as("ann", "7")}, object{"denied": []any{"42"}, "ttl_ms": 10000.0}},
			{"one denied", "/poll-interval?project=42&project=7", []string{as("ann", "7")}, object{"denied": []any{"42"}}},
			{"one off", "/poll-interval?project=42&project=beta", nil, object{"off": []any{"beta"}}},
		} {
			a := r.get(test.path, test.headers...)
			got := a.json(t)
			if (got["caller"] == nil) != (got["anonymous"] == true) {
				t.Errorf("%s: caller %v", test.name, got["caller"])
			}
			delete(got, "caller")
			if d := cmp.Diff(calm(test.want), got); a.StatusCode != 200 || d != "" {
				t.Errorf("%s: %d %s", test.name, a.StatusCode, d)
			}
			if got := a.Header.Get("X-Poll-Interval"); got != "10" {
				t.Errorf("%s: X-Poll-Interval: %s", test.name, got)
			}
			if got := a.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s: Cache-Control: %s", test.name, got)
			}
		}
		isProblem(t, r.get("/poll-interval?project=!", nobody), "malformed")
		for token, code := range map[string]string{"x": "invalid", sign(jwt.MapClaims{"exp": 1}): "expired"} {
			a := r.get("/poll-interval?project=42", "Authorization: Bearer "+token)
			isProblem(t, a, code)
			body := a.json(t)
			for _, name := range []string{"type", "title", "status", "detail", "code"} {
				delete(body, name)
			}
			if d := cmp.Diff(calm(nil), body); a.StatusCode != 401 || d != "" {
				t.Errorf("%s: %d %s", code, a.StatusCode, d)
			}
			if got := a.Header.Get("X-Poll-Interval"); got != "10" {
				t.Errorf("%s: X-Poll-Interval: %s", code, got)
			}
		}

		r.apply(func(s *gateway.Settings) { s.Flag.Percent, s.Flag.Ramp = 0, 0 })
		for _, headers := range [][]string{{nobody}, {as("ann")}} {
			got := r.get("/poll-interval", headers...).json(t)
			want := calm(off)
			if got["anonymous"] == nil { // one who waits for push
				want["ttl_ms"] = 10000.0
			}
			delete(got, "anonymous")
			delete(got, "caller")
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestPollSecondsRoundUp(t *testing.T) {
	for fast, want := range map[time.Duration][2]any{
		3000 * time.Millisecond: {"3", 18000.0}, 3001 * time.Millisecond: {"4", 18006.0}, 30 * time.Second: {"30", 60000.0},
	} { // of a caller who can open a stream
		bubble(t, func(o *gateway.Options) { o.Settings.Policy.Fast = fast }, func(t *testing.T, r *rig) {
			a := r.get("/poll-interval?project=42")
			if got := [2]any{a.Header.Get("X-Poll-Interval"), a.json(t)["ttl_ms"]}; got != want {
				t.Errorf("%v: %v, not %v", fast, got, want)
			}
		})
	}
}

// A page without a stream notices within fast that push is on again. Very many such pages ask no more often than before.
func TestTTLFollowsTheLoad(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Enabled = false }, func(t *testing.T, r *rig) {
		ttl := func(headers ...string) float64 {
			return r.get("/poll-interval?project=42", headers...).json(t)["ttl_ms"].(float64)
		}
		if got := ttl(); got != 10_000 {
			t.Errorf("one page that is off asks again after %v ms", got)
		}
		for i := range 2000 {
			ask := r.request(t.Context(), http.MethodGet, "/poll-interval?project=42", "", as(fmt.Sprint("user", i)))
			r.Handler().ServeHTTP(httptest.NewRecorder(), ask)
		}
		if got := ttl(as("ann", "42")); got != 14_000 { // fast, and 2,000 at 500 a second
			t.Errorf("2,000 asked before: %v ms", got)
		}
		if got := ttl(nobody); got != 60_000 {
			t.Errorf("one without a token: %v ms", got)
		}
		time.Sleep(5 * time.Second)
		if got := ttl(as("ben", "42")); got != 10_000 {
			t.Errorf("when there is room again: %v ms", got)
		}
	})
}

func TestRefusing(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Streams = 1 }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		if got := r.get("/poll-interval", nobody).json(t)["refusing"]; got != "limit" {
			t.Errorf("refusing %q", got)
		}
		s.leave()
		s.ended()
		if got := r.get("/poll-interval", nobody).json(t)["refusing"]; got != "" {
			t.Errorf("refusing %q", got)
		}
		go r.Drain(t.Context())
		time.Sleep(4 * time.Second)
		if got := r.get("/poll-interval", nobody).json(t)["refusing"]; got != "" {
			t.Errorf("refusing %q while still serving", got)
		}
		time.Sleep(2 * time.Second)
		if got := r.get("/poll-interval", nobody).json(t)["refusing"]; got != "draining" {
			t.Errorf("refusing %q", got)
		}
	})
}

func TestConnectAfter(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Enabled = false }, func(t *testing.T, r *rig) {
		after := func() float64 { return r.get("/poll-interval").json(t)["connect_after_ms"].(float64) }
		if got := after(); got != 0 {
			t.Errorf("%v before anything changed", got)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = true })
		sum := 0.0
		for range 200 {
			got := after()
			if got < 0 || got >= 60_000 {
				t.Fatalf("%v of a ramp of 60 s", got)
			}
			sum += got
		}
		if mean := sum / 200; mean < 24_000 || mean > 36_000 {
			t.Errorf("on average after %v ms of 60,000", mean)
		}
		time.Sleep(50 * time.Second)
		for range 50 {
			if got := after(); got >= 10_000 {
				t.Errorf("%v of the 10 s that are left", got)
			}
		}
		time.Sleep(10 * time.Second)
		if got := after(); got != 0 {
			t.Errorf("%v after the ramp", got)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		if got := after(); got != 0 {
			t.Errorf("%v for somebody who is not to connect", got)
		}
	})
}
