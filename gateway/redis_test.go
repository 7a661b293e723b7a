//go:build unix

package gateway_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// The journey from a real Redis to a stream: published, read from the key, lost and found again.
func TestRedis(t *testing.T) {
	server := redistest.Start(t)
	const probe = 100 * time.Millisecond
	r := wire(t, func(o *gateway.Options) {
		o.Probe = probe
		o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
			return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Probe: probe, Host: h.Host, Control: h.Control})
		}
	})
	server.Do("SET", "nudge:{7}", "70")
	s := r.open("/events?project=42&project=7")
	hello := s.next("hello")
	if d := cmp.Diff([]any{object{"7": 70.0}, []any{"42"}}, []any{hello["versions"], hello["unknown"]}); d != "" {
		t.Fatal(d)
	}
	server.Do("PUBLISH", "nudge:{42}", "124")
	if e := s.find("version"); e.LastEventID != "42@124" {
		t.Error(e)
	}
	if a := r.post("/versions", `{"project":"42","version":125}`); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if e := s.find("version"); e.LastEventID != "42@125" {
		t.Error(e)
	}
	if got := server.Do("GET", "nudge:{42}"); got != "125" {
		t.Errorf("the key holds %v", got)
	}

	killed := time.Now()
	server.Kill()
	for down := false; !down; {
		if e := s.find("heartbeat"); e.json(t)["push"] == "down" {
			down = true
			if told := e.json(t); told["poll_ms"] != told["fast_ms"] {
				t.Error(told)
			}
			if after := e.at.Sub(killed); after > 2*probe+3*time.Second+busyMost {
				t.Errorf("down after %v", after)
			}
		}
	}
	isProblem(t, r.get("/versions?project=42"), "unavailable")
	isProblem(t, r.post("/versions", `{"project":"42","version":126}`), "unavailable")
	if a := r.get("/live"); a.StatusCode != 200 || a.json(t)["push"] != "down" {
		t.Errorf("/live: %d %s", a.StatusCode, a.body)
	}

	server.Start() // empty: nothing that was believed may be believed any more
	for {
		again := s.find("hello").json(t)
		if len(again["waiting"].([]any)) > 0 {
			continue
		}
		if d := cmp.Diff(object{}, again["versions"]); d != "" || len(again["unknown"].([]any)) == 0 {
			t.Errorf("%s %v", d, again)
		}
		if len(again["unknown"].([]any)) == 2 {
			break
		}
	}
	server.Do("PUBLISH", "nudge:{42}", "126")
	if e := s.find("version"); e.LastEventID != "42@126" {
		t.Error(e)
	}
	for s.find("heartbeat").json(t)["push"] != "healthy" {
	}
}

// A gateway that a report finds deaf reads the key, and tells everybody, at once: its routine reads come once a minute. If it is
// deaf to several projects, push is degraded.
func TestRedisMissed(t *testing.T) {
	server := redistest.Start(t)
	r := wire(t, func(o *gateway.Options) {
		o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
			return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Host: h.Host, Control: h.Control})
		}
	})
	server.Do("SET", "nudge:{42}", "124")
	s := r.open("/events?project=42")
	s.next("hello")
	server.Do("SET", "nudge:{42}", "125") // as if its message had been lost
	begun := time.Now()
	r.reports("ann", "42", 125)
	if e := s.find("version"); e.LastEventID != "42@125" || e.at.Sub(begun) > busyMost {
		t.Errorf("%+v after %v", e, e.at.Sub(begun))
	}
	for _, p := range []string{"7", "8"} {
		server.Do("SET", "nudge:{"+p+"}", "1")
		r.open("/events?project=" + p).next("hello")
		server.Do("SET", "nudge:{"+p+"}", "2")
		r.reports("ann", p, 2)
	}
	if r.missed("deaf") != 3 {
		t.Error(r.get("/ops/metrics").body)
	}
	for s.find("heartbeat").json(t)["push"] != "degraded" { // after the next echo
	}
	if got := r.push(); got != "degraded missed" {
		t.Error(got)
	}
}

// A change travels with its news from Redis to both kinds of stream, as it was published.
func TestRedisDelivers(t *testing.T) {
	server := redistest.Start(t)
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"parked":    func(l net.Listener) net.Listener { return l },
		"goroutine": func(l net.Listener) net.Listener { return bare{l} },
	} {
		t.Run(name, func(t *testing.T) {
			r := wireOn(t, func(o *gateway.Options) {
				o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
					return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Host: h.Host, Control: h.Control})
				}
			}, wrap)
			s := r.open("/events?project=42")
			s.next("hello")
			server.Do("PUBLISH", "nudge:{42}", `{"version":124,"prev":123,"writer":"tab-1","data":{ "title": "a" }}`)
			want := object{"project": "42", "version": 124.0, "spread_ms": 0.0, "prev": 123.0, "writer": "tab-1", "data": object{"title": "a"}}
			if d := cmp.Diff(want, s.find("version").json(t)); d != "" {
				t.Error(d)
			}
			server.Do("PUBLISH", "nudge:{42}", `{"version":125,"prev":124,"data":"`+strings.Repeat("x", version.MaxData)+`"}`)
			if e := s.find("version").json(t); e["data"] != nil || e["version"] != 125.0 {
				t.Errorf("more than 8 KiB: %v", e)
			}
		})
	}
}

// Redis drops a subscriber to whom it would have to keep more than 32 MB. Whoever publishes such a message makes a gap for
// every project: it is counted, and the log says what it probably was. Nobody can do it over HTTP, whatever limits.body is.
func TestRedisHugeMessage(t *testing.T) {
	server := redistest.Start(t)
	r := wire(t, func(o *gateway.Options) {
		o.Settings.Limits.Body = 64 << 20
		o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
			return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Host: h.Host, Control: h.Control, Log: o.Log})
		}
	})
	server.Do("SET", "nudge:{42}", "124")
	s := r.open("/events?project=42")
	s.next("hello")
	huge := strings.Repeat("x", 33<<20)
	a := r.post("/versions", `[{"project":"42","version":125,"prev":124,"data":"`+huge+`"}]`)
	if a.StatusCode != http.StatusBadRequest || r.metric("nudge_source_gaps_total") != 0 {
		t.Errorf("over HTTP: %d %.200s, %v gaps", a.StatusCode, a.body, r.metric("nudge_source_gaps_total"))
	}
	server.Do("PUBLISH", "nudge:{42}", huge)
	for r.metric("nudge_source_closed_total") != 1 {
		time.Sleep(10 * time.Millisecond) // no event tells of a metric
	}
	server.Do("SET", "nudge:{42}", "126") // the new subscription finds it, or the publication after it does
	server.Do("PUBLISH", "nudge:{42}", "126")
	if e := s.find("version"); e.LastEventID != "42@126" {
		t.Errorf("after the gap: %+v", e)
	}
	if log := r.log.String(); !strings.Contains(log, "client-output-buffer-limit pubsub") || strings.Contains(log, "xxxx") {
		t.Errorf("the log is %.2000s", log)
	}
}

// Two gateways of a fleet each show what the pages of both saw, also when Redis is gone after that.
func TestRedisAddsUpShadow(t *testing.T) {
	server := redistest.Start(t)
	var fleet []*rig
	for _, instance := range []string{"i-1", "i-2"} {
		fleet = append(fleet, wire(t, func(o *gateway.Options) {
			o.Instance = instance
			o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
				return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Instance: instance, Host: h.Host, Control: h.Control})
			}
		}))
	}
	a, b := fleet[0], fleet[1]
	if answer := a.sees("ann", `{"first":true,"polls":10,"empty":9,"news":1,"lead_ms":4000,"projects":{"42":0}}`); answer.StatusCode != 204 {
		t.Fatal(answer.body)
	}
	b.sees("ben", `{"first":true,"polls":20,"empty":20,"projects":{"42":0,"7":0}}`)
	for _, r := range []*rig{a, b, a} {
		r.MeetShadow(t.Context())
	}
	for _, r := range fleet {
		s := r.shadow()
		if s.Gateways != 2 || s.Polls != 30 || s.Pages != 2 || s.Empty != 29 || s.MeanLeadMS != 4000 || len(s.Projects) != 2 || s.Projects[0].Polls != 30 {
			t.Errorf("%+v", s)
		}
	}
	server.Kill()
	b.sees("ben", `{"polls":5,"empty":5,"projects":{"42":0}}`)
	b.MeetShadow(t.Context())
	if s := b.shadow(); s.Polls != 35 || !strings.Contains(s.Problem, "Redis") {
		t.Errorf("without Redis: %+v", s)
	}
}
