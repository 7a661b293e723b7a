package gateway_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"nudge/gateway"
)

// closed are all series of ours and the only values that their labels may have.
var closed = map[string]map[string][]string{
	"nudge_streams":                  {"kind": {"goroutine", "held", "parked"}},
	"nudge_streams_opened_total":     {"kind": {"goroutine", "parked"}},
	"nudge_push_state_seconds_total": {"state": {"degraded", "down", "healthy"}},
	"nudge_advances_total":           nil,
	"nudge_caused_polls_total":       nil,
	"nudge_conflated_total":          nil,
	"nudge_poll_intervals_total":     nil,
	"nudge_polls_saved_total":        nil,
	"nudge_streams_behind":           nil,
	"nudge_loop_lag_seconds":         nil,
	"nudge_flush_seconds":            nil,
	"nudge_probe_seconds":            nil,
	"nudge_publish_seconds":          nil,
	"nudge_repaired_total":           {"kind": {"gap", "routine"}},
	"nudge_spread_seconds":           nil,
	"nudge_build_info":               {"goversion": {runtime.Version()}, "version": {"v0"}},
	"nudge_streams_closed_total":     {"kind": {"goroutine", "parked"}, "reason": {"drain", "expired", "gone", "off", "overload", "revoked", "rotate", "stuck"}},
	"nudge_refused_total": {"code": {
		"draining", "expired", "forbidden", "host", "internal", "invalid", "limit", "malformed", "method", "missing",
		"not_found", "origin", "too_large", "unavailable",
	}},
	"nudge_limited_total": {"limit": {
		"connects_per_address", "connects_per_second", "connects_per_subject", "connects_share", "polls_per_address", "polls_per_subject",
		"projects_per_address", "projects_per_subject", "publishes_per_address", "publishes_per_subject", "reports_per_address",
		"reports_per_subject", "revocations", "revocations_per_address", "revocations_per_subject", "sessions_per_address",
		"sessions_per_subject", "shadow_per_address", "shadow_per_subject", "streams", "streams_per_address", "streams_per_subject", "versions_per_address", "versions_per_subject",
	}},
	"nudge_requests_total":          {"status": {"1xx", "2xx", "3xx", "4xx", "5xx"}},
	"nudge_events_sent_total":       {"event": {"goodbye", "heartbeat", "hello", "version"}},
	"nudge_missed_total":            {"kind": {"ahead", "data", "deaf", "delivery", "publisher", "unjudged"}},
	"nudge_jwks_age_seconds":        nil,
	"nudge_loop_panics_total":       nil,
	"nudge_push_changes_total":      nil,
	"nudge_push_state":              {"state": {"degraded", "down", "healthy"}},
	"nudge_poll_seconds":            nil,
	"nudge_fast_seconds":            nil,
	"nudge_budget_polls_per_second": nil, "nudge_interval_polls_per_second": nil, "nudge_browsers": nil,
	"nudge_polling_browsers": nil, "nudge_backlog_polls": nil, "nudge_trust_step": nil,
	"nudge_projects":               nil,
	"nudge_config_reloads_total":   {"outcome": {"applied", "refused"}},
	"nudge_config_reload_healthy":  nil,
	"nudge_fleet_instances":        nil,
	"nudge_fleet_streams":          nil,
	"nudge_fleet_lost_streams":     nil,
	"nudge_source_messages_total":  nil,
	"nudge_source_malformed_total": nil,
	"nudge_source_closed_total":    nil,
	"nudge_source_gaps_total":      nil,
}

// A message that says when it was sent is measured from then. One that does not, or that says nonsense, is not measured.
func TestPublishSeconds(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42", as("ann", "*"))
		s.find("hello")
		publish := func(version int, sent time.Time) {
			t.Helper()
			body := fmt.Sprintf(`{"project":"42","version":%d,"sent_ms":%d}`, version, sent.UnixMilli())
			if a := r.post("/versions", body, publisher("*")); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			s.find("version")
			synctest.Wait()
		}
		for i, ago := range []time.Duration{250 * time.Millisecond, 750 * time.Millisecond, -time.Second, 2 * time.Hour} {
			publish(i+1, time.Now().Add(-ago))
		}
		r.news("42@9")
		s.find("version")
		synctest.Wait()
		if n, sum := r.metric("nudge_publish_seconds_count"), r.metric("nudge_publish_seconds_sum"); n != 3 || sum != 1 {
			t.Errorf("%v measured, %v s", n, sum)
		}
		if strings.Contains(s.text(), "sent_ms") {
			t.Errorf("the page gets the time: %s", s.text())
		}
	})
}

func TestMetrics(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Streams = 3 }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		r.news("42@1")
		s.next("version")
		synctest.Wait()
		counted := []string{"nudge_advances_total", "nudge_spread_seconds_count", "nudge_flush_seconds_count"}
		var before []float64
		for _, name := range counted { // the first version is no advance if the gateway had not read the key before
			before = append(before, r.metric(name))
		}
		r.news("42@2")
		s.next("version")
		synctest.Wait()
		for i, name := range counted {
			if got := r.metric(name); got != before[i]+1 {
				t.Errorf("%s was %v, and is %v", name, before[i], got)
			}
		}
		gone := r.open("/events?project=evil-project", as("evil-subject"))
		gone.next("hello")
		gone.leave()
		gone.ended()
		for _, path := range []string{"/events?project=!", "/nowhere-at-all", "/versions?project=42", "/nudge.js"} {
			r.get(path)
			r.do(http.MethodPatch, path, "")
			r.get(path, nobody)
			r.get(path, as("ann", "7"))
		}
		r.Reloaded(gateway.Reload{Applied: true})
		r.Reloaded(gateway.Reload{Problem: "push.percent: 200 is above 100"})
		r.source.silent.Store(true)
		time.Sleep(time.Minute)

		a := r.get("/ops/metrics")
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, labels := range closed {
			if families[name] == nil {
				t.Errorf("no %s", name)
				continue
			}
			seen := map[string][]string{}
			for _, m := range families[name].GetMetric() {
				for _, l := range m.GetLabel() {
					seen[l.GetName()] = append(seen[l.GetName()], l.GetValue())
				}
			}
			for name, values := range seen {
				slices.Sort(values)
				seen[name] = slices.Compact(values)
			}
			if labels == nil {
				labels = map[string][]string{}
			}
			if d := cmp.Diff(labels, seen); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			if families[name].GetHelp() == "" {
				t.Errorf("%s has no help", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(families)) {
			if _, known := closed[name]; !known && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				t.Errorf("%s is not in the list", name)
			}
		}
		if strings.Contains(a.body, "evil") {
			t.Error("a project or a subject is in the metrics")
		}
		for series, want := range map[string]float64{
			`nudge_streams{kind="goroutine"}`: 1, `nudge_streams_opened_total{kind="goroutine"}`: 2, "nudge_projects": 2, `nudge_streams_closed_total{kind="goroutine",reason="gone"}`: 1,
			`nudge_events_sent_total{event="hello"}`: 2, `nudge_source_messages_total`: 2,
			`nudge_push_state{state="down"}`: 1, `nudge_push_state{state="healthy"}`: 0, "nudge_poll_seconds": 10, "nudge_fast_seconds": 10,
			"nudge_push_changes_total": 3, `nudge_config_reloads_total{outcome="applied"}`: 1,
			`nudge_config_reloads_total{outcome="refused"}`: 1, "nudge_config_reload_healthy": 0,
			`nudge_refused_total{code="not_found"}`: 4, `nudge_refused_total{code="method"}`: 3,
		} {
			if got := r.metric(series); got != want {
				t.Errorf("%s is %v, not %v", series, got, want)
			}
		}
		r.Reloaded(gateway.Reload{Applied: true})
		if got := r.metric("nudge_config_reload_healthy"); got != 1 {
			t.Errorf("after a good reload: %v", got)
		}
	})
}

// monitored are the metrics of a gateway, as Prometheus reads them.
func monitored(t *testing.T) (text string) {
	bubble(t, nil, func(_ *testing.T, r *rig) { text = r.get("/ops/metrics").body })
	return text
}

func TestMonitoringDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^# HELP (nudge_\w+) (.*)$`).FindAllStringSubmatch(monitored(t), -1) {
		if row := "| `" + m[1] + "` | " + m[2] + " |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/monitoring.md needs the row\n%s", row)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(nudge_\\w+)`").FindAllStringSubmatch(string(page), -1) {
		if _, known := closed[m[1]]; !known && !strings.HasPrefix(m[1], "nudge_connection") {
			t.Errorf("docs/monitoring.md has %s, which does not exist", m[1])
		}
	}
}

func TestStatus(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Exclude = []string{"beta-*"} }, func(t *testing.T, r *rig) {
		begun := time.Now()
		r.open("/events?project=42&project=7").next("hello")
		held := r.held("/versions?project=8&wait=9s")
		want := object{
			"protocol": 1.0, "node": "gw-1", "instance": "i-1", "version": "v0", "started": begun.Format(time.RFC3339Nano),
			"phase": "serving", "push": "healthy", "reason": "", "last_echo": begun.Format(time.RFC3339Nano),
			"poll_ms": 300000.0, "fast_ms": 10000.0, "jitter": 0.2, "heartbeat_ms": 25000.0,
			"browsers": 0.0, "polling": 0.0, "budget": 50.0, "interval": 0.0, "backlog": 1.125, "step": 4.0,
			"flag": object{
				"enabled": true, "percent": 100.0, "include": []any{}, "exclude": []any{"beta-*"}, "ramp_ms": 60000.0,
				"by": "configuration", "own": object{"enabled": true, "percent": 100.0, "ramp_ms": 60000.0}, "fleet": object{"override": nil},
			},
			"streams": 2.0, "projects": 3.0, "refusing": "", "revocations": 0.0,
			"saved": 0.0, "caused": 0.0, "time": begun.Format(time.RFC3339Nano), "since": begun.Format(time.RFC3339Nano), "revision": float64(begun.UnixMilli() + 3),
			"top": object{
				"watchers": []any{object{"project": "7", "n": 1.0}, object{"project": "42", "n": 1.0}, object{"project": "8", "n": 1.0}},
				"advances": []any{}, "since": begun.Format(time.RFC3339Nano),
			},
			"missed": object{
				"publisher": 0.0, "deaf": 0.0, "delivery": 0.0, "data": 0.0, "ahead": 0.0, "unjudged": 0.0, "projects": 0.0,
			},
			"fleet": object{
				"instances": 1.0, "streams": 2.0, "lost_streams": 0.0, "vanished": []any{},
				"members": []any{object{
					"instance": "i-1", "node": "gw-1", "version": "v0", "streams": 2.0, "uncovered": 1.0, "step": 4.0, "push": "healthy", "leaving": false,
					"seen_ms_ago": 0.0, "self": true,
				}},
			},
		}
		got := r.get("/ops/status", nobody).json(t)
		if seen := got["shadow"].(object); seen["verdict"] != "collecting" {
			t.Error(seen)
		}
		delete(got, "shadow") // it has tests of its own
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		done := r.drain(t.Context())
		if got := r.get("/ops/status").json(t)["phase"]; got != "leaving" {
			t.Errorf("phase %v", got)
		}
		<-done
		<-held
		if got := r.get("/ops/status").json(t); got["phase"] != "drained" || got["refusing"] != "draining" || got["streams"] != 0.0 {
			t.Error(got)
		}
	})
}

func TestProfiles(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, path := range []string{"/ops/debug/pprof/cmdline", "/ops/debug/pprof/heap"} {
			if a := r.get(path); a.StatusCode != 200 {
				t.Errorf("%s: %d", path, a.StatusCode)
			}
		}
		if a := r.get("/ops/events?project=42"); a.StatusCode != 404 {
			t.Errorf("streams on the operators' listener: %d", a.StatusCode)
		}
	})
}
