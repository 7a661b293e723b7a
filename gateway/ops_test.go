package gateway_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/version"
)

// pushes are the states that a stream was told of, one after the other, and when.
func pushes(t *testing.T, all []event) (states []string, at []time.Time) {
	for _, e := range all {
		if e.Type == "version" {
			continue
		}
		push := e.json(t)["push"].(string)
		if len(states) == 0 || states[len(states)-1] != push {
			states, at = append(states, push), append(at, e.at)
		}
	}
	return states, at
}

// The times of the protocol for a probe of 2 s: degraded when the last echo is older than 3 s, down when
// older than 5 s, everywhere within 2 s more; healthy after five echoes in a row.
func TestDeafness(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@1")
		s := r.open("/events?project=42")
		time.Sleep(9 * time.Second) // echoes came at 0, 2, 4, 6, 8
		r.source.silent.Store(true)
		silent := time.Now().Add(-time.Second)
		time.Sleep(29 * time.Second)
		states, at := pushes(t, s.now())
		if strings.Join(states, " ") != "healthy degraded down" {
			t.Fatal(states)
		}
		for i, want := range []time.Duration{3 * time.Second, 5 * time.Second} {
			if after := at[i+1].Sub(silent); after < want || after > want+10*time.Millisecond {
				t.Errorf("%s %v after the last echo", states[i+1], after)
			}
		}
		poll := r.get("/poll-interval", nobody)
		if got := poll.json(t); got["push"] != "down" || got["poll_ms"] != got["fast_ms"] || got["fast_ms"] != 10000.0 {
			t.Errorf("/poll-interval: %v", got)
		}
		r.news("42@2") // should it come through all the same, it is told
		if got := s.next("version"); got["version"] != 2.0 {
			t.Error(got)
		}

		recovered := time.Now().Add(time.Second).Truncate(time.Second)
		r.source.silent.Store(false)
		time.Sleep(20 * time.Second)
		states, at = pushes(t, s.now())
		if states[0] == "down" { // a heartbeat just before the echo
			states, at = states[1:], at[1:]
		}
		if strings.Join(states, " ") != "degraded healthy" {
			t.Fatal(states)
		}
		if took := at[1].Sub(at[0]); took != 8*time.Second || at[0].Sub(recovered) > 2*time.Second {
			t.Errorf("healthy %v after the first echo", took)
		}
		if n := r.streams(); n != 1 {
			t.Errorf("%d streams: it ended", n)
		}
	})
}

func TestCadenceOnTheWire(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		r.source.silent.Store(true)
		time.Sleep(10 * time.Second)
		var got [][3]any
		for _, e := range s.now() {
			m := e.json(t)
			if told := [3]any{m["push"], m["poll_ms"], m["fast_ms"]}; len(got) == 0 || got[len(got)-1] != told {
				got = append(got, told)
			}
		}
		want := [][3]any{{"healthy", 300000.0, 10000.0}, {"degraded", 30000.0, 10000.0}, {"down", 10000.0, 10000.0}}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

// A source that says itself that it is lost is believed at once, and its reason is passed on.
func TestLost(t *testing.T) {
	for _, fault := range []version.Fault{version.FaultConnection, version.FaultMisconf} {
		t.Run(string(fault), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				s := r.open("/events?project=42")
				time.Sleep(9 * time.Second)
				s.now()
				begun := time.Now()
				r.source.silent.Store(true)
				r.source.evidence.Lost(fault, errors.New("the server says so"))
				got := s.now()
				if len(got) != 1 || got[0].json(t)["push"] != "down" || !got[0].at.Equal(begun) {
					t.Fatal(got)
				}
				if got := r.get("/ops/status").json(t); got["reason"] != string(fault) {
					t.Error(got)
				}
				r.source.evidence.Lost(fault, errors.New("it still does"))
				synctest.Wait()
				if got := s.now(); len(got) > 0 {
					t.Errorf("told again: %v", got)
				}
				if n := strings.Count(r.log.String(), `"push is down"`); n != 1 {
					t.Errorf("%d lines in the log", n)
				}
			})
		})
	}
}
