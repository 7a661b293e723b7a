package gateway_test

import (
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway"
)

// Who opens more tabs than a user may have loses the oldest. Its page comes back when there is room, and takes none from
// others meanwhile: tabs do not fight.
func TestNewStreamReplacesTheOldest(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.StreamsPerSubject = 3 }, func(t *testing.T, r *rig) {
		var tabs []*tap
		for range 4 {
			time.Sleep(5 * time.Second)
			s := r.open("/events?project=42", as("ann"))
			s.next("hello")
			tabs = append(tabs, s)
		}
		time.Sleep(5 * time.Second)
		if said := only("goodbye", tabs[0].now()); len(said) != 1 || said[0].Data != `{"reason":"overload","after_ms":30000,"spread_ms":30000}` {
			t.Fatalf("the oldest gets %v", said)
		}
		for range 3 {
			time.Sleep(30 * time.Second)
			overload(t, r.get("/events?project=42&evict=0", as("ann"), "Accept: text/event-stream"))
		}
		if n := r.streams(); n != 3 {
			t.Errorf("%d streams", n)
		}
		for _, s := range tabs[1:] {
			s.find("heartbeat")
			if s.ended() {
				t.Error("another tab lost its stream")
			}
		}
		tabs[2].leave()
		synctest.Wait()
		r.open("/events?project=42&evict=0", as("ann")).next("hello")
	})
}

// The oldest is the oldest of all loops, however many there are.
func TestOldestOfAllLoops(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.StreamsPerSubject = 10 }, func(t *testing.T, r *rig) {
		var tabs []*tap
		for range 15 {
			s := r.open("/events?project=42", as("ann"))
			s.next("hello")
			tabs = append(tabs, s)
		}
		time.Sleep(5 * time.Second)
		for i, s := range tabs {
			if gone := len(only("goodbye", s.now())) > 0; gone != (i < 5) {
				t.Errorf("stream %d of 15 made room: %v", i+1, gone)
			}
		}
	})
}

// A user who opens many streams at once has at most twice as many as allowed, until the oldest have gone. Callers without a
// subject may be several people: none of them ends another's stream.
func TestRoomIsBounded(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.StreamsPerSubject = 2 }, func(t *testing.T, r *rig) {
		for range 4 {
			r.open("/events?project=42", as("ann")).next("hello")
		}
		isProblem(t, r.get("/events?project=42", as("ann")), "limit")
		isProblem(t, r.get("/versions?project=42&wait=1s", as("ann")), "limit")
		time.Sleep(5 * time.Second)
		if n := r.streams(); n != 2 {
			t.Errorf("%d streams are left", n)
		}
		for range 2 {
			r.open("/events?project=42", as("")).next("hello")
		}
		isProblem(t, r.get("/events?project=42", as("")), "limit")
	})
}
