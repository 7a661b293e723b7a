package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"nudge/gateway"
	"nudge/gateway/shadow"
)

// sees reports as a page of a subject.
func (r *rig) sees(subject string, body string) answer {
	r.t.Helper()
	return r.post("/shadow", body, as(subject))
}

// shadow is what operators see of reports.
func (r *rig) shadow() shadow.Summary {
	r.t.Helper()
	var s gateway.Status
	if err := json.Unmarshal([]byte(r.get("/ops/status").body), &s); err != nil {
		r.t.Fatal(err)
	}
	return s.Shadow
}

func TestShadowReports(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		if s := r.shadow(); s.Verdict != shadow.Collecting || !strings.Contains(s.Text, "nothing seen yet") || s.Gateways != 0 {
			t.Errorf("before any report: %+v", s)
		}
		for i := range 60 {
			a := r.sees(fmt.Sprint("user", i), `{"first":true,"polls":60,"empty":54,"news":6,"missed":0,"lead_ms":24000,"projects":{"42":0,"7":0}}`)
			if a.StatusCode != 204 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		s := r.shadow()
		want := "after 3,600 polls of 60 pages: 90 % empty, news 4.0 s earlier, 0 missed (with 95 % confidence fewer than 1 in 1,200 polls, 1 in 120 news): safe to switch"
		if s.Verdict != shadow.Safe || s.Text != want || s.Gateways != 1 || len(s.Projects) != 2 || !s.Since.Equal(time.Now()) {
			t.Errorf("%+v", s)
		}
		r.sees("eve", `{"polls":20,"news":20,"missed":20,"projects":{"7":20,"8":0}}`)
		if s := r.shadow(); s.Verdict != shadow.Unsafe || !strings.Contains(s.Text, "most of it of project 7;") {
			t.Errorf("%+v", s)
		}
	})
}

// What a report may say is bounded, and only of projects that its sender may see. A refused report changes nothing.
func TestShadowReportsAreChecked(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Body = 2000 }, func(t *testing.T, r *rig) {
		const good = `{"polls":1,"projects":{"42":0}}`
		for name, test := range map[string]struct {
			body    string
			headers []string
			status  int
			code    string
		}{
			"no token":              {good, []string{nobody}, 401, "missing"},
			"a bad token":           {good, []string{"Authorization: Bearer x"}, 401, "invalid"},
			"a foreign page":        {good, []string{nobody, "Cookie: nudge=" + anybody, "Origin: https://evil.example"}, 403, "origin"},
			"another's project":     {good, []string{as("ann", "7")}, 403, "forbidden"},
			"one of two another's":  {`{"polls":1,"projects":{"7":0,"42":0}}`, []string{as("ann", "7")}, 403, "forbidden"},
			"too many polls":        {`{"polls":61,"projects":{"42":0}}`, nil, 400, "malformed"},
			"more missed than news": {`{"polls":1,"missed":1,"projects":{"42":0}}`, nil, 400, "malformed"},
			"no JSON":               {`polls=1`, nil, 400, "malformed"},
			"a long body":           {`{"polls":1,"projects":{"42":0},"x":"` + strings.Repeat("x", 2000) + `"}`, nil, 413, "too_large"},
		} {
			a := r.post("/shadow", test.body, test.headers...)
			isProblem(t, a, test.code)
			if a.StatusCode != test.status {
				t.Errorf("%s: %d, want %d", name, a.StatusCode, test.status)
			}
		}
		if s := r.shadow(); s.Polls != 0 {
			t.Errorf("counted %+v", s)
		}
		if a := r.post("/shadow", good, as("ann", "42")); a.StatusCode != 204 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

// Whoever lies in reports adds 600 polls in a minute, as much as a hundred pages that poll every ten seconds.
func TestLiarsSpoilTheirShareOfShadow(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const lie = `{"first":true,"polls":60,"news":60,"missed":60,"projects":{"42":60}}`
		refused := 0
		for range 100 {
			if a := r.sees("eve", lie); a.StatusCode == 429 {
				refused++
			}
		}
		if s := r.shadow(); s.Polls != 600 || refused != 90 {
			t.Errorf("%d polls, %d refused", s.Polls, refused)
		}
		if a := r.sees("ann", `{"polls":1,"projects":{"42":0}}`); a.StatusCode != 204 {
			t.Errorf("others are refused too: %d", a.StatusCode)
		}
		if n := r.metric(`nudge_limited_total{limit="shadow_per_subject"}`); n != 90 {
			t.Errorf("%v counted as limited", n)
		}
	})
}
