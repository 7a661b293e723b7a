package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
)

// says is what another gateway says of itself.
func says(instance string, streams int) version.Peer {
	return version.Peer{Instance: instance, Node: "gw-1", Nudge: "v1", Streams: streams, Push: "healthy"}
}

// hears lets the gateway hear these now, and every 2 s until so much time is over.
func (r *rig) hears(over time.Duration, peers ...version.Peer) {
	end := time.Now().Add(over)
	for {
		for _, p := range peers {
			r.source.host.Peer(p)
		}
		left := time.Until(end)
		time.Sleep(min(left, 2*time.Second))
		if left <= 2*time.Second {
			return
		}
	}
}

// fleet is the fleet by /status.
func (r *rig) fleet() object {
	r.t.Helper()
	return r.get("/ops/status").json(r.t)["fleet"].(object)
}

// logged are the lines of the log about the fleet that were not asked for yet, without time.
func (r *rig) logged() (lines []string) {
	text := r.log.String()
	for line := range strings.Lines(text[r.read:]) {
		if _, told, ok := strings.Cut(strings.TrimSpace(line), " level="); ok && strings.Contains(told, "gateway") {
			lines = append(lines, told)
		}
	}
	r.read = len(text)
	return lines
}

func TestFleet(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		time.Sleep(time.Second) // between two probes of ours
		r.open("/events?project=42").next("hello")
		b, c := says("b", 20), says("c", 300)
		b.Push, c.Node = "splendid", "gw-0"
		r.hears(time.Minute, b, c)
		want := []string{
			`INFO msg="a gateway joined the fleet" node=gw-1 instance=b streams=20 nudge=v1`,
			`INFO msg="a gateway joined the fleet" node=gw-0 instance=c streams=300 nudge=v1`,
		}
		if d := cmp.Diff(want, r.logged()); d != "" {
			t.Error(d)
		}
		us := object{"instance": "i-1", "node": "gw-1", "version": "v0", "streams": 1.0, "step": 4.0, "push": "healthy", "leaving": false, "seen_ms_ago": 0.0, "self": true}
		other := object{"instance": "b", "node": "gw-1", "version": "v1", "streams": 20.0, "push": "down", "leaving": false, "seen_ms_ago": 2000.0, "self": false}
		third := object{"instance": "c", "node": "gw-0", "version": "v1", "streams": 300.0, "push": "healthy", "leaving": false, "seen_ms_ago": 2000.0, "self": false}
		if d := cmp.Diff(object{
			"instances": 3.0, "streams": 321.0, "lost_streams": 0.0, "members": []any{third, other, us}, "vanished": []any{},
		}, r.fleet()); d != "" {
			t.Error(d)
		}

		r.hears(8*time.Second, b) // c is silent
		want = []string{
			`WARN msg="a gateway vanished from the fleet without a goodbye" node=gw-0 instance=c streams=300 lost_streams=300 silent=7s fix="start it again, or take its address out of the load balancer"`,
		}
		if d := cmp.Diff(want, r.logged()); d != "" {
			t.Error(d)
		}
		gone := object{"instance": "c", "node": "gw-0", "version": "v1", "streams": 300.0, "lost_streams": 300.0, "push": "healthy", "leaving": false, "seen_ms_ago": 10000.0, "self": false}
		if d := cmp.Diff(object{
			"instances": 2.0, "streams": 21.0, "lost_streams": 300.0, "members": []any{other, us}, "vanished": []any{gone},
		}, r.fleet()); d != "" {
			t.Error(d)
		}
		for series, want := range map[string]float64{"nudge_fleet_instances": 2, "nudge_fleet_streams": 21, "nudge_fleet_lost_streams": 300} {
			if got := r.metric(series); got != want {
				t.Errorf("%s is %v, not %v", series, got, want)
			}
		}

		b.Streams, b.Leaving = 5, true
		r.hears(0, c, b)
		if got := r.fleet(); got["lost_streams"] != 0.0 || got["members"].([]any)[1].(object)["leaving"] != true {
			t.Error(got)
		}
		r.hears(9*time.Second, c)
		want = []string{
			`INFO msg="a gateway that had vanished is back in the fleet" node=gw-0 instance=c streams=300`,
			`INFO msg="a gateway is leaving the fleet" node=gw-1 instance=b streams=5`,
			`INFO msg="a gateway has left the fleet" node=gw-1 instance=b streams=5`,
		}
		if d := cmp.Diff(want, r.logged()); d != "" {
			t.Error(d)
		}
		if got := r.fleet(); got["instances"] != 2.0 || got["lost_streams"] != 0.0 || len(got["vanished"].([]any)) > 0 {
			t.Error(got)
		}
	})
}

// While Redis is away nobody hears anybody, and nobody vanishes.
func TestFleetDuringAnOutage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		time.Sleep(time.Second) // between two probes of ours
		r.hears(10*time.Second, says("b", 20))
		r.source.silent.Store(true)
		time.Sleep(5 * time.Minute)
		r.source.silent.Store(false)
		time.Sleep(4 * time.Second)
		if got := r.fleet(); got["instances"] != 2.0 || got["lost_streams"] != 0.0 {
			t.Error(got)
		}
		time.Sleep(4 * time.Second)
		if got := r.fleet(); got["instances"] != 1.0 || got["lost_streams"] != 20.0 {
			t.Errorf("it does not come back: %v", got)
		}
	})
}

// A gateway is in its own fleet before any probe has come back.
func TestFleetOfOne(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Source = echoes(time.Hour) }, func(t *testing.T, r *rig) {
		r.open("/events?project=42")
		got := r.fleet()
		if got["instances"] != 1.0 || got["streams"] != 1.0 || got["members"].([]any)[0].(object)["push"] != "down" {
			t.Error(got)
		}
	})
}

// What a gateway says of itself is what it is at that moment.
func TestSelf(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		self := func(want version.Peer) {
			t.Helper()
			want.Instance, want.Node, want.Nudge = "i-1", "gw-1", "v0"
			if d := cmp.Diff(want, r.source.host.Self()); d != "" {
				t.Error(d)
			}
		}
		self(version.Peer{Step: 4, Push: "healthy"})
		s := r.open("/events?project=42")
		s.next("hello")
		held := r.held("/versions?project=42&wait=25s")
		self(version.Peer{Step: 4, Push: "healthy", Streams: 2, Uncovered: 1})
		r.source.silent.Store(true)
		time.Sleep(4 * time.Second)
		self(version.Peer{Step: 3, Push: "degraded", Streams: 2, Uncovered: 1})
		done := r.drain(t.Context()) // not ready yet to say goodbye, and leaving already
		self(version.Peer{Step: 3, Push: "degraded", Streams: 2, Uncovered: 1, Leaving: true})
		<-done
		<-held
		self(version.Peer{Push: "down", Leaving: true})
	})
}

// Of one user's streams and held polls four count, and the others are extra. If one ends, another takes its place within a
// heartbeat.
func TestExtraOfTheProbe(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		extra := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := r.source.host.Self().Extra; got != want {
				t.Errorf("%d are extra, want %d", got, want)
			}
		}
		var hers []*tap
		for range 6 {
			hers = append(hers, r.open("/events?project=42", as("ann", "42")))
		}
		r.open("/events?project=42", as("ben", "42"))
		extra(2)
		held := r.held("/versions?project=42&wait=25s", as("ann", "42"))
		extra(3)
		<-held
		extra(2)
		hers[0].leave() // which counts
		extra(2)
		time.Sleep(25 * time.Second)
		extra(1)
		for _, s := range hers[1:] {
			s.leave()
		}
		extra(0)
	})
}

// Whoever may publish can invent gateways. They do not fill the disk.
func TestInventedGateways(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for i := range 500 {
			r.hears(0, says(fmt.Sprint("b", i), 1))
		}
		if n := len(r.logged()); n != 100 {
			t.Errorf("%d lines about 500 gateways", n)
		}
		time.Sleep(time.Minute)
		r.hears(0, says("c", 1))
		lines := r.logged() // of the 400 that were kept back, and of all 500 that vanished but six
		if last := lines[len(lines)-1]; len(lines) != 7 || !strings.Contains(last, "instance=c ") || !strings.Contains(last, "changes_not_logged=494") {
			t.Errorf("%d lines, the last is %q", len(lines), last)
		}
	})
}
