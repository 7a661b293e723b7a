package gateway_test

import (
	"testing"
	"time"
)

// A gateway whose loops do not keep up is not to be trusted with rare polls, until they have for a while: its streams are
// alive, and hear news late.
func TestLateLoops(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		healthy, saturated := [2]any{"healthy", ""}, [2]any{"degraded", "saturated"}
		within := func(least, most time.Duration, want [2]any) {
			t.Helper()
			begun := time.Now()
			for r.doubt() != want {
				if time.Since(begun) > most {
					t.Fatalf("%v after %v, want %v", r.doubt(), most, want)
				}
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(begun); took < least {
				t.Fatalf("%v after %v already", want, took)
			}
		}
		time.Sleep(time.Second)
		r.Stall(4 * time.Second)
		within(0, 0, healthy)
		time.Sleep(20 * time.Second)
		within(0, 0, healthy) // that was a hiccup

		r.Stall(20 * time.Second)
		within(6*time.Second, 12*time.Second, saturated)
		time.Sleep(10 * time.Second) // the loops are back
		for range 3 {                // late now and then: no ease that lasts
			time.Sleep(20 * time.Second)
			r.Stall(4 * time.Second)
			within(0, 0, saturated)
		}
		within(30*time.Second, 45*time.Second, healthy)
	})
}

// All browsers of a gateway that leaves come at once. Deploys stay calm: that makes nobody late by himself.
func TestLateLoopsDuringADeploy(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		b := says("b", 20)
		b.Leaving = true
		time.Sleep(time.Second)
		r.source.host.Peer(b)
		r.Stall(30 * time.Second)
		for range 15 {
			r.source.host.Peer(b)
			time.Sleep(2 * time.Second)
			if got := r.doubt(); got[0] != "healthy" {
				t.Fatalf("while one is leaving: %v", got)
			}
		}
		r.Stall(30 * time.Second)
		time.Sleep(20 * time.Second) // it has left
		if got := r.doubt(); got != [2]any{"degraded", "saturated"} {
			t.Errorf("late when nobody is leaving any more: %v", got)
		}
	})
}
