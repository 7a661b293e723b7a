package gateway_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway"
)

// drain drains in the background; the channel says how long it took.
func (r *rig) drain(ctx context.Context) <-chan time.Duration {
	begun, done := time.Now(), make(chan time.Duration, 1)
	go func() {
		r.Drain(ctx)
		done <- time.Since(begun)
	}()
	synctest.Wait()
	return done
}

func TestDrain(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 100)
		held := r.held("/versions?project=99&wait=25s") // of which no news comes
		begun := time.Now()
		done := r.drain(t.Context())
		if a := r.get("/ready"); a.StatusCode != 503 || a.json(t)["status"] != "draining" {
			t.Errorf("/ready: %d %s", a.StatusCode, a.body)
		}
		time.Sleep(4 * time.Second)
		late := r.open("/events?project=42")
		late.next("hello") // still served, so that no request fails while load balancers notice
		all = append(all, late)
		for _, s := range all {
			if len(only("goodbye", s.now())) > 0 {
				t.Fatal("a goodbye before the delay is over")
			}
		}
		time.Sleep(2 * time.Second)
		farewell(t, r.get("/events?project=42", "Accept: text/event-stream"), "drain")
		isProblem(t, r.get("/events?project=42"), "draining")
		isProblem(t, r.get("/versions?project=42&wait=25s"), "draining")
		if a := r.post("/versions", `{"project":"42","version":1}`); a.StatusCode != 200 {
			t.Errorf("publishing: %d", a.StatusCode)
		}
		if took := <-done; took < 24*time.Second || took >= 25*time.Second {
			t.Errorf("drained after %v", took)
		}
		at := farewells(t, all, "drain")
		if len(at) != 101 {
			t.Errorf("%d goodbyes", len(at))
		}
		evenly(t, at, begun.Add(5*time.Second), 20*time.Second)
		if a := <-held; a.StatusCode != 200 || a.after < 5*time.Second || a.after >= 25*time.Second {
			t.Errorf("the held poll: %d after %v", a.StatusCode, a.after)
		}
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestDrainWithNobody(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		if took := <-r.drain(t.Context()); took != 5*time.Second {
			t.Errorf("%v", took)
		}
	})
	bubble(t, func(o *gateway.Options) { o.DrainDelay, o.DrainWindow = 0, 0 }, func(t *testing.T, r *rig) {
		all := opened(r, 20)
		if took := <-r.drain(t.Context()); took != 0 {
			t.Errorf("%v", took)
		}
		if n := len(farewells(t, all, "drain")); n != 20 {
			t.Errorf("%d goodbyes", n)
		}
	})
}

// When the last stream has gone by itself there is nothing to wait for.
func TestDrainEndsWithTheLastStream(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 4)
		done := r.drain(t.Context())
		time.Sleep(7 * time.Second)
		for _, s := range all {
			s.leave()
		}
		if took := <-done; took != 7*time.Second {
			t.Errorf("%v", took)
		}
	})
}

func TestDrainIsCutShort(t *testing.T) {
	for _, after := range []time.Duration{time.Second, 12 * time.Second} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			opened(r, 4)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			if took := <-r.drain(ctx); took != after {
				t.Errorf("%v, cut short after %v", took, after)
			}
		})
	}
}

func TestDrainWithAStuckReader(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		opened(r, 9)
		conn := r.stuck("/events?project=42")
		defer conn.Close()
		if took := <-r.drain(t.Context()); took < 24999*time.Millisecond || took > 27*time.Second {
			t.Errorf("%v", took)
		}
	})
}

// While draining, whoever is over a limit is sent elsewhere all the same.
func TestDrainComesBeforeLimits(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Streams = 3 }, func(t *testing.T, r *rig) {
		opened(r, 3)
		r.apply(func(s *gateway.Settings) { s.Limits.Streams = 1 }) // still reached when the first has gone
		done := r.drain(t.Context())
		time.Sleep(6 * time.Second)
		farewell(t, r.get("/events?project=42", "Accept: text/event-stream"), "drain")
		<-done
	})
}
