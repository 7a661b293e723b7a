package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
)

// News of a project that the whole fleet seems to watch is spread over as long as all need to poll once: 30,000 browsers
// may make 3,000 polls a second, of which 100 come anyway.
func TestNewsIsSpread(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const all = 11_668
		r.news("42@1")
		s := r.open("/events?project=42")
		if got := s.next("hello"); got["spread_ms"] != 0.0 {
			t.Errorf("the first hello: %v", got)
		}
		r.hears(9*time.Second, says("b", 29_999))
		r.news("42@2")
		if got := s.find("version").json(t); got["spread_ms"] != float64(all) {
			t.Errorf("the first news: %v", got)
		}
		r.hears(4*time.Second, says("b", 29_999))
		r.news("42@3")
		if got := s.find("version").json(t); got["spread_ms"] != float64(all) {
			t.Errorf("more of it: %v", got)
		}
		// Who is greeted meanwhile comes among them.
		if got := r.open("/events?project=42").next("hello"); got["spread_ms"].(float64) < all {
			t.Errorf("a hello: %v", got)
		}
		if got := r.get("/versions?project=42@1").json(t); got["spread_ms"].(float64) < all {
			t.Errorf("a poll that finds something: %v", got)
		}
		if got := r.get("/versions?project=42@3").json(t); got["spread_ms"] != 0.0 {
			t.Errorf("a poll that finds nothing: %v", got)
		}
		held := r.held("/versions?project=42@3&wait=20s")
		r.news("42@4")
		if got := (<-held).json(t); got["spread_ms"].(float64) < all {
			t.Errorf("a held poll: %v", got)
		}
		if n := r.metric("nudge_backlog_polls"); n < 30_000 {
			t.Errorf("%v in the backlog", n)
		}

		r.hears(70*time.Second, says("b", 20))
		s.now()
		r.news("42@5")
		if got := s.find("version").json(t); got["spread_ms"] != 0.0 {
			t.Errorf("in a small fleet: %v", got)
		}
	})
}

// All who poll stay within the budget, whoever lost them: Redis, or a gateway that died.
func TestBudget(t *testing.T) {
	tight := func(o *gateway.Options) { o.Settings.Policy.Budget = 100 }
	bubble(t, tight, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		time.Sleep(time.Second) // between two probes of ours
		r.hears(20*time.Second, says("b", 2999))
		s.now()
		r.source.silent.Store(true)
		time.Sleep(10 * time.Second)
		var got [][3]any
		for _, e := range s.now() {
			m := e.json(t)
			if m["push"] == "healthy" {
				continue // a heartbeat before the loss is noticed
			}
			if told := [3]any{m["push"], m["poll_ms"], m["fast_ms"]}; len(got) == 0 || got[len(got)-1] != told {
				got = append(got, told)
			}
		}
		want := [][3]any{{"degraded", 30000.0, 10000.0}, {"down", 35832.0, 35832.0}} // the first rung of 1.2ⁿ above 30 s
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		a := r.get("/poll-interval", nobody)
		if got := a.json(t); got["fast_ms"] != 35832.0 || a.Header.Get("X-Poll-Interval") != "36" {
			t.Errorf("%v, X-Poll-Interval: %s", got, a.Header.Get("X-Poll-Interval"))
		}
	})
	bubble(t, tight, func(t *testing.T, r *rig) {
		time.Sleep(time.Second)
		r.hears(20*time.Second, says("b", 3000))
		fast := func() any { return r.get("/poll-interval", nobody).json(t)["fast_ms"] }
		if got := fast(); got != 10000.0 {
			t.Errorf("%v while all is well", got)
		}
		time.Sleep(10 * time.Second) // b has vanished
		if got := fast(); got != 35832.0 {
			t.Errorf("%v when 3,000 streams are lost", got)
		}
		r.hears(4*time.Second, says("b", 3000))
		if got := fast(); got != 35832.0 {
			t.Errorf("%v right after they are back", got)
		}
		r.hears(80*time.Second, says("b", 3000))
		if got := fast(); got != 10000.0 {
			t.Errorf("%v long after they are back", got)
		}
	})
}

// poll.gap is told where it is not what browsers take for granted, with each cadence, and what it became as soon as that
// is so.
func TestGapBetweenPolls(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Policy.Gap = 250 * time.Millisecond }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		time.Sleep(time.Second)
		told := func() [4]any {
			t.Helper()
			return [4]any{
				s.find("heartbeat").json(t)["gap_ms"], r.open("/events?project=42").next("hello")["gap_ms"],
				r.get("/poll-interval").json(t)["gap_ms"], r.get("/versions?project=42").json(t)["gap_ms"],
			}
		}
		if got := told(); got != [4]any{250.0, 250.0, 250.0, 250.0} {
			t.Errorf("250 ms: %v", got)
		}
		for _, gap := range []time.Duration{0, time.Second} {
			s.now()
			r.apply(func(s *gateway.Settings) { s.Policy.Gap = gap })
			want := [4]any{0.0, 0.0, 0.0, 0.0}
			if gap == time.Second {
				want = [4]any{}
			}
			if got := told(); got != want {
				t.Errorf("%v: %v", gap, got)
			}
		}
	})
}

// Who polls without a stream counts, once for each subject; who shows no token never does.
func TestPollers(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.Settings.Policy.Budget, o.Settings.Flag.Exclude = 50, []string{"beta"}
	}, func(t *testing.T, r *rig) {
		polling := func() any { return r.get("/ops/status").json(t)["polling"] }
		for range 50 {
			r.get("/poll-interval?project=beta", nobody)
			r.get("/poll-interval?project=beta", as(""))
			r.get("/poll-interval?project=beta", as("one"))
			r.get("/versions?project=42", as("two"))
		}
		time.Sleep(3 * time.Second)
		if got := polling(); got != 2.0 {
			t.Errorf("%v, want one and two", got)
		}
		for range 2 {
			if got := polling(); got != 2.0 {
				t.Errorf("%v before it asks again", got)
			}
			r.get("/poll-interval?project=42", as("three")) // it may open a stream, and does, mostly
			time.Sleep(3 * time.Second)
		}
		if got := polling(); got != 3.0 {
			t.Errorf("%v, want three as well", got)
		}
		r.open("/events?project=42", as("three"))
		time.Sleep(3 * time.Second)
		if got := polling(); got != 2.0 {
			t.Errorf("%v when one has its stream", got)
		}
		for i := range 1000 {
			r.get("/poll-interval?project=beta", as(fmt.Sprint("u", i)))
		}
		time.Sleep(3 * time.Second)
		if got := r.get("/poll-interval").json(t)["fast_ms"]; got != 20736.0 {
			t.Errorf("%v with 1,000 that poll", got)
		}
		if got := r.source.host.Self().Polling; got != 1002 {
			t.Errorf("the fleet is told of %d", got)
		}
		time.Sleep(4 * time.Minute)
		if got := polling(); got != 0.0 {
			t.Errorf("%v when nobody has asked for long", got)
		}
		if got := r.get("/poll-interval").json(t)["fast_ms"]; got != 10000.0 {
			t.Errorf("%v with nobody that polls", got)
		}
	})
}

// After an outage trust is earned again, step by step.
func TestTrustOnTheWire(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		time.Sleep(time.Second)
		s := r.open("/events?project=42")
		r.source.silent.Store(true)
		time.Sleep(10 * time.Second)
		r.source.silent.Store(false)
		time.Sleep(20 * time.Minute)
		var polls []float64
		var at []time.Time
		for _, e := range s.now() {
			if ms := e.json(t)["poll_ms"].(float64); len(polls) == 0 || polls[len(polls)-1] != ms {
				polls, at = append(polls, ms), append(at, e.at)
			}
		}
		want := []float64{300000, 30000, 10000, 30000, 53348, 94868, 168702, 300000}
		if d := cmp.Diff(want, polls); d != "" {
			t.Fatal(d)
		}
		// Each step lasts one of its intervals; the first begins when five echoes are back.
		for i, took := range []time.Duration{38 * time.Second, 53348 * time.Millisecond, 94868 * time.Millisecond, 168702 * time.Millisecond} {
			if got := at[i+4].Sub(at[i+3]); got != took {
				t.Errorf("%v ms was told for %v, want %v", polls[i+3], got, took)
			}
		}
	})
}

// A gateway that leaves sends its streams away for as long as the others need to take them.
func TestGoodbyeLeavesTimeToComeBack(t *testing.T) {
	for limit, want := range map[int]float64{0: 4000, 1: 20_000} {
		bubble(t, func(o *gateway.Options) {
			o.Settings.Limits.ConnectsPerSecond, o.DrainDelay, o.DrainWindow = limit, 0, 20*time.Second
		}, func(t *testing.T, r *rig) {
			var all []*tap
			for range 40 {
				all = append(all, r.open("/events?project=42", as(fmt.Sprint("user", len(all)))))
				time.Sleep(time.Second)
			}
			r.Drain(t.Context())
			if got := all[0].find("goodbye").json(t); got["spread_ms"] != want {
				t.Errorf("%d connects a second: %v, want %v", limit, got, want)
			}
		})
	}
}

// Those who come back after an outage are told one after the other, as the limit lets them in.
func TestConnectAfterAnOutage(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.ConnectsPerSecond = 10 }, func(t *testing.T, r *rig) {
		after := func(path string, headers ...string) any { return r.get(path, headers...).json(t)["connect_after_ms"] }
		for i := range 20 {
			if got := after("/poll-interval?project=42", as(fmt.Sprint("user", i))); got != float64(i)*100 {
				t.Errorf("the %dth is to come after %v ms", i, got)
			}
		}
		if got := after("/poll-interval"); got != 0.0 {
			t.Errorf("one that names no project, and so opens none: %v", got)
		}
		time.Sleep(time.Minute)
		if got := after("/poll-interval?project=42"); got != 0.0 {
			t.Errorf("%v when all have come", got)
		}
	})
}

// Parked streams count like others.
func TestNewsForParkedStreamsIsSpread(t *testing.T) {
	r := wire(t, nil)
	var all []*tap
	for range 3 {
		s := r.open("/events?project=42")
		s.next("hello")
		all = append(all, s)
	}
	all[2].leave()
	for deadline := time.Now().Add(patience); ; {
		r.source.host.Peer(says("b", 29_998))
		if got := r.get("/ops/status").json(t)["browsers"]; got == 30_000.0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%v browsers are known", got)
		}
	}
	r.news("42@1")
	for _, s := range all[:2] {
		if got := s.find("version").json(t); got["spread_ms"] != 11_668.0 {
			t.Error(got)
		}
	}
}
