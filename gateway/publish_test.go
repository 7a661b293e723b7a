package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
		{"empty", "", nil, 400, "malformed", []string{"JSON"}},
		{"no JSON", "v42", nil, 400, "malformed", []string{"JSON"}},
		{"a mark", "42@1", nil, 400, "malformed", []string{"object"}},
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
		{"too many", elements(1001), nil, 400, "malformed", []string{"1000"}},
		{"no token", `{"project":"42","version":1}`, []string{nobody}, 401, "missing", nil},
		{"may not", `{"project":"42","version":1}`, []string{publisher("7")}, 403, "forbidden", []string{"42"}},
		{"may publish nothing", `{"project":"42","version":1}`, []string{as("ann", "*")}, 403, "forbidden", []string{"claim publish"}},
		{"an array that does not end", `[{"project":"42","version":1}`, nil, 400, "malformed", []string{"JSON"}},
		{"two arrays", `[{"project":"42","version":1}][]`, nil, 400, "malformed", []string{"JSON"}},
		{"a long element", `[{"project":"42","version":1,"x":"` + strings.Repeat("x", 1<<16) + `"}]`, nil, 400, "malformed", []string{"element 0", "65536"}},
		{"may not all", `[{"project":"42","version":1},{"project":"7","version":1}]`, []string{publisher("42")}, 403, "forbidden", []string{"7", "element 1"}},
		{"foreign page", `{"project":"42","version":1}`, []string{"Origin: https://evil.example"}, 403, "origin", nil},
		{"too large", `{"project":"42","version":1,"x":"` + strings.Repeat("x", 1<<17) + `"}`, nil, 413, "too_large", []string{"131072"}},
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
				if k, _ := r.source.Memory.Read(t.Context(), mark(t, "42").Project); k.Known {
					t.Errorf("published %d all the same", k.Version)
				}
			})
		})
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// endless is a body that goes on for ever, and counts what was read.
type endless struct {
	text string
	read int
}

func (e *endless) Read(to []byte) (int, error) {
	for i := range to {
		to[i] = e.text[e.read%len(e.text)]
		e.read++
	}
	return len(to), nil
}

// A body costs a hundred times more than a token. So it is read last, and no further than it is good.
func TestTokenBeforeBody(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Body = 16 << 20 }, func(t *testing.T, r *rig) {
		send := func(path string, body io.Reader, length int64, headers ...string) (status int) {
			req := r.request(t.Context(), http.MethodPost, path, "", headers...)
			req.Body, req.ContentLength = io.NopCloser(body), length
			w := httptest.NewRecorder()
			r.Handler().ServeHTTP(w, req)
			return w.Code
		}
		for _, path := range []string{"/versions", "/missed", "/shadow"} {
			for status, headers := range map[int][]string{
				401: {nobody}, 403: {"Origin: https://evil.example"}, 413: nil,
			} {
				length := map[int]int64{413: 16<<20 + 1}[status]
				if got := send(path, unread{t}, length, headers...); got != status {
					t.Errorf("%s: %d, not %d", path, got, status)
				}
			}
		}
		if got := send("/versions", unread{t}, -1, as("ann", "*")); got != 403 {
			t.Errorf("without the claim publish: %d", got)
		}
		for text, most := range map[string]int{
			`{"project":"42","version":1},`: 32 << 10, // ends with element 1,001
			"1,":                            8 << 10,  // ends with the first element
			`{"project":"7","version":1},`:  8 << 10,  // may not
		} {
			body := &endless{text: text}
			in := io.MultiReader(strings.NewReader("["), body)
			if got := send("/versions", in, -1, publisher("42")); got/100 != 4 || got == 413 || body.read > most {
				t.Errorf("%s: %d after %d bytes, want %d at most", text, got, body.read, most)
			}
		}
	})
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
