package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"nudge/gateway"
)

// uncovered is how many streams of ours leave out a project, by /status.
func (r *rig) uncovered() float64 {
	r.t.Helper()
	n, _ := r.fleet()["members"].([]any)[0].(object)["uncovered"].(float64)
	return n
}

// Pages that poll at the fast interval beside their stream count as what they are: a budget of 10 a second gives 300 of
// them 30 s.
func TestBudgetOfTheUncovered(t *testing.T) {
	budget := func(o *gateway.Options) { o.Settings.Policy.Budget = 10 }
	stretched := func(t *testing.T, r *rig) {
		t.Helper()
		time.Sleep(20 * time.Second)
		s := r.get("/ops/status").json(t)
		if fast, interval := s["fast_ms"].(float64), s["interval"].(float64); fast < 30_000 || interval < 8 || interval > 10 {
			t.Errorf("fast_ms %v, and %v polls a second by that; %v browsers, %v are uncovered", fast, interval, s["browsers"], r.uncovered())
		}
	}
	t.Run("held polls", func(t *testing.T) {
		bubble(t, budget, func(t *testing.T, r *rig) {
			r.news("42@1")
			for i := range 300 {
				go func() {
					for range 2 {
						resp, err := r.client.Do(r.request(t.Context(), http.MethodGet, "/versions?project=42@1&wait=25s", "", as(fmt.Sprint("u", i))))
						if err != nil {
							return
						}
						resp.Body.Close()
					}
				}()
			}
			stretched(t, r)
			time.Sleep(time.Minute)
			if n := r.uncovered(); n != 0 {
				t.Errorf("%v are uncovered when all are gone", n)
			}
		})
	})
	t.Run("a project of the flag", func(t *testing.T) {
		bubble(t, budget, func(t *testing.T, r *rig) {
			r.apply(func(s *gateway.Settings) { s.Flag.Exclude = []string{"global"} })
			for i := range 300 {
				r.open(fmt.Sprintf("/events?project=p%d&project=global", i%10), as(fmt.Sprint("user", i)))
			}
			stretched(t, r)
		})
	})
	t.Run("a project that waits", func(t *testing.T) {
		bubble(t, func(o *gateway.Options) { budget(o); o.Settings.Limits.Projects = 10 }, func(t *testing.T, r *rig) {
			for i := range 10 {
				r.open(fmt.Sprintf("/events?project=p%d", i))
			}
			for i := range 300 {
				r.open(fmt.Sprintf("/events?project=p%d&project=global", i%10), as(fmt.Sprint("user", i)))
			}
			stretched(t, r)
		})
	})
	t.Run("of another gateway", func(t *testing.T) {
		bubble(t, budget, func(t *testing.T, r *rig) {
			other := says("b", 300)
			other.Uncovered = 300
			go r.hears(20*time.Second, other)
			stretched(t, r)
			time.Sleep(time.Second)
		})
	})
}

// The count follows the flag, revocations and ends, for both kinds of stream.
func TestCountOfTheUncovered(t *testing.T) {
	check := func(t *testing.T, r *rig) {
		wants := func(want float64, when string) {
			t.Helper()
			for deadline := time.Now().Add(patience); r.uncovered() != want; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %v, %v are", when, r.uncovered(), want)
				}
			}
		}
		flag := func(exclude ...string) { r.apply(func(s *gateway.Settings) { s.Flag.Exclude = exclude }) }
		whole := r.open("/events?project=1&project=2")
		part := r.open("/events?project=1&project=secret", as("ann", "1"))
		whole.next("hello")
		part.next("hello")
		wants(1, "a token that does not cover all")
		flag("2")
		wants(2, "a project excluded")
		flag("2", "1")
		whole.find("goodbye")
		part.find("goodbye")
		wants(0, "all excluded")
		flag("2")
		for range 2 {
			whole = r.open("/events?project=1&project=2", as("bob", "1", "2"))
			whole.next("hello")
		}
		wants(2, "opened while one is")
		flag()
		wants(0, "all served again")
		if err := r.Revoke(gateway.Revocation{Subject: "bob", Project: mark(t, "2").Project, Until: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		wants(2, "revoked")
		whole.leave()
		wants(1, "one has gone")
	}
	atOnce := func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }
	t.Run("parked", func(t *testing.T) { check(t, wire(t, atOnce)) })
	t.Run("by goroutine", func(t *testing.T) { bubble(t, atOnce, check) })
}
