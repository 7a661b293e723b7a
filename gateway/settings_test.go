package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version/control"
)

// told is what the fleet is told of the flag; nil: that nothing overrides it any more.
func told(seq int64, o *control.Override) control.Entries {
	return control.Entries{Flag: control.FlagEntry{Stamp: control.Stamp{Seq: seq, Time: time.UnixMilli(seq).UTC()}, Override: o}}
}

// atOnce is an override without a ramp.
func atOnce(enabled bool) *control.Override {
	return &control.Override{Enabled: enabled, Ramp: new(control.Millis)}
}

// flag is what /status says of it.
func (r *rig) flag() object {
	r.t.Helper()
	return r.get("/ops/status").json(r.t)["flag"].(object)
}

// The override reaches open streams over its ramp, keeps others out, and lets them come back.
func TestOverrideReachesStreams(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 100)
		ramp := 20 * time.Second
		begun := time.Now()
		r.source.host.Control(told(1, &control.Override{Ramp: (*control.Millis)(&ramp)}))
		if a := r.get("/events?project=42"); a.StatusCode != 204 {
			t.Errorf("a new stream: %d", a.StatusCode)
		}
		time.Sleep(ramp + time.Second)
		at := farewells(t, all, "off")
		if len(at) != 100 {
			t.Errorf("%d goodbyes", len(at))
		}
		evenly(t, at, begun, ramp)
		if got := r.get("/poll-interval").json(t); got["push"] != "off" {
			t.Errorf("/poll-interval: %v", got)
		}

		r.source.host.Control(told(2, nil))
		if got := r.get("/poll-interval").json(t); got["push"] != "healthy" || got["connect_after_ms"].(float64) <= 0 {
			t.Errorf("/poll-interval after a clear: %v", got)
		}
		r.open("/events?project=42").next("hello")
		if n := strings.Count(r.log.String(), `"the flag changed"`); n != 2 {
			t.Errorf("%d lines in the log for two changes", n)
		}
	})
}

// The kill switch does not wait for a ramp that is on its way.
func TestOverrideOffAtOnceMidRamp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		opened(r, 50)
		r.source.host.Control(told(1, &control.Override{}))
		time.Sleep(10 * time.Second)
		if n := r.streams(); n < 35 || n > 45 {
			t.Errorf("%d streams in the middle of the ramp", n)
		}
		r.source.host.Control(told(2, atOnce(false)))
		synctest.Wait()
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestOverridePercent(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		opened(r, 200)
		percent := 50
		r.source.host.Control(told(1, &control.Override{Enabled: true, Percent: &percent, Ramp: new(control.Millis)}))
		synctest.Wait()
		if n := r.streams(); n < 70 || n > 130 {
			t.Errorf("%d of 200 at 50 percent", n)
		}
		if got := r.flag(); got["percent"] != 50.0 || got["by"] != "override" {
			t.Error(got)
		}
	})
}

// Who decides, in each case: the gateway's own "off", then the fleet's override, then its own flag.
func TestOverrideOrder(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		own := func(enabled bool) func() {
			return func() { r.apply(func(s *gateway.Settings) { s.Flag.Enabled = enabled }) }
		}
		percent := func() { r.apply(func(s *gateway.Settings) { s.Flag.Percent = 99 }) }
		seq := int64(0)
		fleet := func(o *control.Override) func() {
			return func() { seq++; r.source.host.Control(told(seq, o)) }
		}
		for i, step := range []struct {
			what    string
			do      func()
			enabled bool
			by      string
		}{
			{"nothing", func() {}, true, "configuration"},
			{"off for the fleet", fleet(atOnce(false)), false, "override"},
			{"a reload that changes something else", percent, false, "override"},
			{"off here too", own(false), false, "configuration"},
			{"on for the fleet, off here", fleet(atOnce(true)), false, "configuration"},
			{"on here", own(true), true, "override"},
			{"off for the fleet again", fleet(atOnce(false)), false, "override"},
			{"off and on here", func() { own(false)(); own(true)() }, false, "override"},
			{"cleared", fleet(nil), true, "configuration"},
			{"off here, after all", own(false), false, "configuration"},
			{"cleared once more", fleet(nil), false, "configuration"},
		} {
			step.do()
			got := r.flag()
			if got["enabled"] != step.enabled || got["by"] != step.by {
				t.Errorf("%d %s: %v", i, step.what, got)
			}
			want := 200
			if !step.enabled {
				want = 204
			}
			s := r.request(t.Context(), "GET", "/events?project=42", "", as("ann"))
			resp, err := r.client.Do(s)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%d %s: %d", i, step.what, resp.StatusCode)
			}
		}
		if got := r.flag()["percent"]; got != 99.0 {
			t.Errorf("the reload during the override is lost: percent %v", got)
		}
	})
}

func TestOverrideInStatus(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		percent := 10
		own := object{"enabled": true, "percent": 100.0, "ramp_ms": 60000.0}
		want := func(change object) object {
			o := object{"enabled": true, "percent": 100.0, "ramp_ms": 60000.0, "include": []any{}, "exclude": []any{}, "by": "configuration", "own": own, "fleet": object{"override": nil}}
			for k, v := range change {
				o[k] = v
			}
			return o
		}
		if d := cmp.Diff(want(nil), r.flag()); d != "" {
			t.Error(d)
		}
		r.source.host.Control(told(1000, &control.Override{Enabled: true, Percent: &percent}))
		if d := cmp.Diff(want(object{"percent": 10.0, "by": "override", "fleet": object{
			"override": object{"enabled": true, "percent": 10.0, "ramp_ms": nil}, "seq": 1000.0, "time": "1970-01-01T00:00:01Z",
		}}), r.flag()); d != "" {
			t.Error(d)
		}
		r.source.host.Control(told(2000, nil))
		if d := cmp.Diff(want(object{"fleet": object{"override": nil, "seq": 2000.0, "time": "1970-01-01T00:00:02Z"}}), r.flag()); d != "" {
			t.Error(d)
		}
	})
}

// What was set before the gateway began is no change that browsers would have to be spread for.
func TestOverrideAtStart(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Listen = 2 * time.Second }, func(t *testing.T, r *rig) {
		percent := 50
		r.source.host.Control(told(1, &control.Override{Enabled: true, Percent: &percent}))
		in := 0
		for _, subject := range []string{"alice", "bob", "carol", "42"} { // in buckets 24, 85, 48 and 3
			if got := r.get("/poll-interval?project=42", as(subject)).json(t); got["push"] == "healthy" {
				in++
				if got["connect_after_ms"] != 0.0 {
					t.Errorf("%s: %v", subject, got)
				}
			}
		}
		if in != 3 {
			t.Errorf("%d of 4 are in", in)
		}
	})
}

// Revocations of the fleet work as Revoke does, whenever they come, and a second time change nothing.
func TestRevocationsOfTheFleet(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		ann, bob := r.open("/events?project=42", as("ann")), r.open("/events?project=42", as("bob"))
		ann.next("hello")
		bob.next("hello")
		until := time.Now().Add(time.Hour)
		fleet := func(subjects ...string) (c control.Entries) {
			for i, s := range subjects {
				c.Revocations = append(c.Revocations, control.RevocationEntry{
					Stamp: control.Stamp{Seq: int64(i + 1)}, Revocation: control.Revocation{Subject: s, Until: until},
				})
			}
			return c
		}
		r.source.host.Control(fleet("ann"))
		ann.bids("revoked")
		isProblem(t, r.get("/events?project=42", as("ann")), "invalid")
		r.source.host.Control(fleet("ann"))
		r.source.host.Control(fleet("ann", "eve"))
		r.apply(func(s *gateway.Settings) { s.Flag.Exclude = []string{"7"} })
		if n := strings.Count(r.log.String(), `"tokens were revoked"`); n != 2 {
			t.Errorf("%d lines in the log for two revocations", n)
		}
		isProblem(t, r.get("/events?project=42", as("eve")), "invalid")
		r.news("42@1")
		if got := bob.find("version"); got.LastEventID != "42@1" {
			t.Error(got)
		}
		time.Sleep(time.Hour) // until the tokens concerned have expired, and nobody says a word
		r.open("/events?project=42", as("ann")).next("hello")
		r.source.host.Control(fleet("ann"))
		r.open("/events?project=42", as("ann")).next("hello")
	})
}
