package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/gateway"
)

// doubt is what /status says of push.
func (r *rig) doubt() [2]any {
	r.t.Helper()
	s := r.get("/ops/status").json(r.t)
	return [2]any{s["push"], s["reason"]}
}

// An application that ticked and falls silent is told apart from a quiet one.
func TestTick(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		healthy, silent := [2]any{"healthy", ""}, [2]any{"degraded", "tick"}
		tick := func(n int) {
			for range n {
				r.source.host.Tick()
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Hour + time.Millisecond)
		if got := r.doubt(); got != healthy {
			t.Fatalf("never heard: %v", got)
		}
		s := r.open("/events?project=42")
		tick(60)
		time.Sleep(1500 * time.Millisecond)
		if got := r.doubt(); got != healthy {
			t.Errorf("2.5 s after the last tick: %v", got)
		}
		s.now()
		due := time.Now().Add(500*time.Millisecond + 1)
		if got := s.find("heartbeat"); got.json(t)["push"] != "degraded" || !got.at.Equal(due) {
			t.Errorf("%s after %v", got.Data, got.at.Sub(due))
		}
		if got := r.doubt(); got != silent {
			t.Errorf("3 s after the last tick: %v", got)
		}
		tick(1)
		if got := r.doubt(); got != healthy {
			t.Errorf("it ticks again: %v", got)
		}

		tick(10)
		r.source.silent.Store(true) // Redis: then nothing is heard of anybody
		time.Sleep(time.Minute)
		if got := r.doubt(); got != [2]any{"down", "no-echo"} {
			t.Errorf("without Redis: %v", got)
		}
		r.source.silent.Store(false)
		time.Sleep(2 * time.Second)
		tick(12)
		if got := r.doubt(); got != healthy {
			t.Errorf("both are back: %v", got)
		}
	})
}

// A gateway that turns streams away for long is not to be trusted with rare polls, unless it does so since another one
// is leaving.
func TestSaturated(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Streams = 1 }, func(t *testing.T, r *rig) {
		time.Sleep(time.Second)
		r.open("/events?project=42")
		refuse := func(n int) {
			for i := range n {
				if a := r.get("/events?project=42", as(fmt.Sprint("user", i%5))); a.StatusCode != 503 {
					t.Fatal(a.StatusCode)
				}
				time.Sleep(time.Second)
			}
		}
		b := says("b", 20)
		b.Leaving = true
		for range 10 {
			r.source.host.Peer(b)
			refuse(2)
		}
		if got := r.doubt(); got[0] != "healthy" {
			t.Errorf("during a deploy: %v", got)
		}
		time.Sleep(10 * time.Second) // it has left
		refuse(4)
		if got := r.doubt(); got[0] != "healthy" {
			t.Errorf("after 4 s: %v", got)
		}
		refuse(6)
		if got := r.doubt(); got != [2]any{"degraded", "saturated"} {
			t.Errorf("after 10 s: %v", got)
		}
		time.Sleep(26 * time.Second)
		if got := r.doubt(); got != [2]any{"degraded", "saturated"} {
			t.Errorf("26 s at ease: %v", got)
		}
		time.Sleep(10 * time.Second)
		if got := r.doubt(); got[0] != "healthy" {
			t.Errorf("36 s at ease: %v", got)
		}
	})
}
