package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"nudge/gateway"
	"nudge/gateway/limits"
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

// Refusing is a limit that does its work: those who have a stream lose nothing by it, however many ask for one.
func TestRefusalsSaturateNothing(t *testing.T) {
	for limit, set := range map[string]func(*limits.Settings){
		"streams":  func(l *limits.Settings) { l.Streams = 20 },
		"connects": func(l *limits.Settings) { l.ConnectsPerSecond = 20 },
	} {
		t.Run(limit, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { set(&o.Settings.Limits) }, func(t *testing.T, r *rig) {
				var streams []*tap
				for i := range 20 {
					s := r.open("/events?project=42", as(fmt.Sprint("user", i)))
					s.next("hello")
					streams = append(streams, s)
				}
				refused := 0
				for range 20 {
					for i := range 40 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
						resp, err := r.client.Do(r.request(ctx, http.MethodGet, "/events?project=42", "", as(fmt.Sprint("stranger", i%8))))
						if err == nil {
							if resp.StatusCode != http.StatusOK {
								refused++
							}
							resp.Body.Close()
						}
						cancel()
					}
					time.Sleep(time.Second)
				}
				if refused < 200 {
					t.Fatalf("%d were refused", refused)
				}
				if got := r.doubt(); got != [2]any{"healthy", ""} {
					t.Errorf("push is %v", got)
				}
				for i, s := range streams {
					for _, e := range s.now() {
						if e.Type == "heartbeat" && e.json(t)["push"] != "healthy" {
							t.Fatalf("stream %d is told %s", i, e.Data)
						}
					}
				}
			})
		})
	}
}
