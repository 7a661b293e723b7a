package gateway_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
)

func TestReady(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Listen = 2 * time.Second }, func(t *testing.T, r *rig) {
		// The bubble begins with the first echo; nobody has asked since.
		time.Sleep(1999 * time.Millisecond)
		for _, path := range []string{"/ready", "/ops/ready"} {
			if a := r.get(path); a.StatusCode != 503 || cmp.Diff(object{"status": "starting", "push": "healthy", "reason": ""}, a.json(t)) != "" {
				t.Errorf("%s while listening to the fleet: %d %s", path, a.StatusCode, a.body)
			}
		}
		time.Sleep(time.Millisecond)
		for _, path := range []string{"/ready", "/ops/ready"} {
			if a := r.get(path); a.StatusCode != 200 || cmp.Diff(object{"status": "ready", "push": "healthy", "reason": ""}, a.json(t)) != "" {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
		}
		r.source.silent.Store(true)
		time.Sleep(time.Minute)
		for _, path := range []string{"/live", "/ready"} {
			if a := r.get(path); a.StatusCode != 200 || a.json(t)["push"] != "down" || a.json(t)["reason"] != "no-echo" {
				t.Errorf("%s without Redis: %d %s", path, a.StatusCode, a.body)
			}
		}
		go r.Drain(t.Context())
		time.Sleep(time.Nanosecond)
		if a := r.get("/ready"); a.StatusCode != 503 || a.json(t)["status"] != "draining" {
			t.Errorf("leaving: %d %s", a.StatusCode, a.body)
		}
		if a := r.get("/live"); a.StatusCode != 200 {
			t.Errorf("/live while leaving: %d", a.StatusCode)
		}
		time.Sleep(time.Minute)
	})
}

// Without Redis a gateway wants traffic after 10 s all the same.
func TestReadyWithoutAnEcho(t *testing.T) {
	for first, ready := range map[time.Duration]time.Duration{time.Hour: 10 * time.Second, 9 * time.Second: 10 * time.Second, 4 * time.Second: 6 * time.Second} {
		bubble(t, func(o *gateway.Options) {
			o.Listen = 2 * time.Second
			o.Source = echoes(first)
		}, func(t *testing.T, r *rig) {
			time.Sleep(ready - time.Millisecond)
			if a := r.get("/ready"); a.StatusCode != 503 {
				t.Errorf("first echo after %v: ready too early", first)
			}
			if a := r.get("/live"); a.StatusCode != 200 {
				t.Errorf("/live: %d", a.StatusCode)
			}
			time.Sleep(time.Millisecond)
			if a := r.get("/ready"); a.StatusCode != 200 {
				t.Errorf("first echo after %v: not ready after %v: %s", first, ready, a.body)
			}
		})
	}
}

// echoes is a source that says at first that it is lost, and whose first echo comes late.
func echoes(after time.Duration) func(*version.Board, gateway.Host) (version.Source, error) {
	f := newFake(2 * time.Second)
	f.run = func(ctx context.Context) error {
		f.evidence.Lost(version.FaultConnection, errors.New("connection refused"))
		select {
		case <-ctx.Done():
		case <-time.After(after):
			f.run = nil
			return f.Run(ctx)
		}
		return nil
	}
	return f.source
}

// A fresh gateway takes over what its fleet has proved as soon as it hears of it, and so before it wants traffic: whoever
// came sooner would be told to poll more often, and a deploy would cost polls.
func TestFreshGatewayTrustsItsFleetAtOnce(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Listen, o.Proven = 2*time.Second, false }, func(t *testing.T, r *rig) {
		time.Sleep(1100 * time.Millisecond)
		s := r.open("/events?project=42")
		if got := s.next("hello"); got["poll_ms"] != 30_000.0 {
			t.Fatalf("alone: %v", got)
		}
		heard := time.Now()
		r.source.host.Peer(version.Peer{Instance: "b", Push: "healthy", Step: 4})
		if got := s.find("heartbeat"); got.json(t)["poll_ms"] != 300_000.0 || !got.at.Equal(heard) {
			t.Errorf("%s after %v", got.Data, got.at.Sub(heard))
		}
	})
}
