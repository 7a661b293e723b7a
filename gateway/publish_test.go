package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/version"
)

// elements are an array of n advances.
func elements(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"project":"p-%d","version":1}`, i)
	}
	return "[" + strings.TrimPrefix(b.String(), ",") + "]"
}

func TestPublishRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		body    string
		headers []string
		status  int
		code    string
		detail  []string // what the detail must name
	}{
		{"empty", "", []string{nobody}, 400, "malformed", []string{"JSON"}},
		{"no JSON", "42@1", []string{nobody}, 400, "malformed", []string{"JSON"}},
		{"null", "null", nil, 400, "malformed", []string{"project"}},
		{"a number", "7", nil, 400, "malformed", nil},
		{"two values", `{"project":"42","version":1}{}`, nil, 400, "malformed", nil},
		{"no version", `{"project":"42"}`, nil, 400, "malformed", []string{"version"}},
		{"bad version", `{"project":"42","version":1.0}`, nil, 400, "malformed", []string{"version"}},
		{"too large a version", `{"project":"42","version":9007199254740992}`, nil, 400, "malformed", []string{"version"}},
		{"bad project", `{"project":"4\n2","version":1}`, nil, 400, "malformed", []string{"project"}},
		{"a bad element", `[{"project":"42","version":1},{"project":"7","version":-1}]`, nil, 400, "malformed", []string{"element 1", "version"}},
		{"a bad type", `[{"project":"42","version":1},{"project":"7","version":1,"prev":"x"}]`, nil, 400, "malformed", []string{"element 1", "prev"}},
		{"null element", `[{"project":"42","version":1},null]`, nil, 400, "malformed", []string{"element 1", "project"}},
		{"data without prev", `[{"project":"42","version":1,"data":{}}]`, nil, 400, "malformed", []string{"element 0", "data"}},
		{"too many", elements(1001), nil, 400, "malformed", []string{"1001", "1000"}},
		{"no token", `{"project":"42","version":1}`, []string{nobody}, 401, "missing", nil},
		{"may not", `{"project":"42","version":1}`, []string{as("ann", "*")}, 403, "forbidden", []string{"42"}},
		{"may not all", `[{"project":"42","version":1},{"project":"7","version":1}]`, []string{publisher("42")}, 403, "forbidden", []string{"7", "element 1"}},
		{"foreign page", `{"project":"42","version":1}`, []string{"Origin: https://evil.example"}, 403, "origin", nil},
		{"too large", `{"project":"42","version":1,"x":"` + strings.Repeat("x", 1<<17) + `"}`, []string{nobody}, 413, "too_large", []string{"131072"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { o.Settings.Limits.Body = 1 << 17 }, func(t *testing.T, r *rig) {
				a := r.post("/versions", test.body, test.headers...)
				if a.StatusCode != test.status {
					t.Fatalf("%d, not %d: %s", a.StatusCode, test.status, a.body)
				}
				isProblem(t, a, test.code)
				for _, word := range test.detail {
					if detail := a.json(t)["detail"].(string); !strings.Contains(detail, word) {
						t.Errorf("%q does not name %s", detail, word)
					}
				}
				if v, known := r.source.Newest(mark(t, "42").Project); known {
					t.Errorf("published %d all the same", v)
				}
			})
		})
	}
}

func TestPublishMany(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for body, accepted := range map[string]float64{elements(1000): 1000, "[]": 0, " [ ] ": 0} {
			a := r.post("/versions", body)
			if d := cmp.Diff(object{"accepted": accepted, "stale": 0.0}, a.json(t)); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestDefaultBodyLimit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for size, status := range map[int]int{64 << 10: 200, 64<<10 + 1: 413} {
			body := `{"project":"42","version":1}`
			body += strings.Repeat(" ", size-len(body))
			if a := r.post("/versions", body); a.StatusCode != status {
				t.Errorf("%d bytes: %d", size, a.StatusCode)
			}
		}
	})
}

func TestPublishWhenTheSourceFails(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.source.publish = func(context.Context, []version.News) (version.Receipt, error) {
			return version.Receipt{}, fmt.Errorf("publish: %w: %v", version.ErrUnavailable, errors.New("dial tcp: refused"))
		}
		a := r.post("/versions", `{"project":"42","version":1}`)
		if a.StatusCode != 503 || a.Header.Get("Retry-After") != "2" {
			t.Errorf("%d, Retry-After: %s", a.StatusCode, a.Header.Get("Retry-After"))
		}
		isProblem(t, a, "unavailable")
		if strings.Contains(a.body, "dial tcp") {
			t.Errorf("tells the inside: %s", a.body)
		}
		if !strings.Contains(r.log.String(), "dial tcp: refused") {
			t.Error("the cause is not in the log")
		}
	})
}

func TestOpenGateway(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth = auth.Settings{Open: true} }, func(t *testing.T, r *rig) {
		hello := r.open("/events?project=42", nobody).next("hello")
		if _, told := hello["token_expires_in_s"]; told {
			t.Error("a token that expires, without a token")
		}
		isProblem(t, r.post("/versions", `{"project":"42","version":1}`, nobody), "forbidden")
		isProblem(t, r.post("/versions", `{"project":"42","version":1}`), "forbidden")
		if a := r.get("/versions?project=42", "Authorization: Bearer rubbish"); a.StatusCode != 200 {
			t.Errorf("a token counts: %d", a.StatusCode)
		}
	})
}

func TestPanic(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.source.publish = func(context.Context, []version.News) (version.Receipt, error) { panic("ouch") }
		a := r.post("/versions", `{"project":"42","version":1}`)
		if a.StatusCode != 500 {
			t.Fatal(a.StatusCode)
		}
		isProblem(t, a, "internal")
		if strings.Contains(a.body, "ouch") {
			t.Errorf("tells the inside: %s", a.body)
		}
		if log := r.log.String(); !strings.Contains(log, "panic=ouch") || !strings.Contains(log, "publish_test.go") {
			t.Error("the log does not say what and where")
		}
		if a := r.get("/live"); a.StatusCode != 200 {
			t.Errorf("/live afterwards: %d", a.StatusCode)
		}
		if n := r.metric(`nudge_requests_total{status="5xx"}`); n != 1 {
			t.Errorf("%v counted", n)
		}
		r.source.watch = func(version.Project) { panic("within the hub") }
		isProblem(t, r.get("/versions?project=new"), "internal")
		r.source.watch = nil
		r.open("/events?project=42").next("hello")
	})
}
