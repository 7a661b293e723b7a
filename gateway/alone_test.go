package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/gateway"
	"nudge/gateway/limits"
)

// mallories may see one project, and ask for more than anybody needs: one with a subject, and one without.
func mallories() []string { return []string{as("mallory", "evil"), as("", "evil")} }

// Who asks for versions in a loop delays nobody's news.
func TestOneCallerFillsNoBacklog(t *testing.T) {
	for _, mallory := range mallories() {
		bubble(t, nil, func(t *testing.T, r *rig) { fillsNoBacklog(t, r, mallory) })
	}
}

func fillsNoBacklog(t *testing.T, r *rig, mallory string) {
	r.news("victim@1", "evil@1")
	for range 10 {
		r.open("/events?project=victim")
	}
	s := r.open("/events?project=quiet")
	r.hears(8*time.Second, says("b", 990))
	spread := func(news string) float64 {
		s.now()
		r.news(news)
		return s.find("version").json(t)["spread_ms"].(float64)
	}
	r.get("/versions?project=evil", mallory)
	once := spread("quiet@2")
	r.hears(time.Minute, says("b", 990))
	for range 1000 {
		r.get("/versions?project=evil", mallory)
		time.Sleep(2 * time.Millisecond)
	}
	if often := spread("quiet@3"); often > 1.2*once {
		t.Errorf("news is spread over %v ms; after one question of hers it was %v", often, once)
	}
	if backlog := r.get("/ops/status").json(t)["backlog"].(float64); backlog > 300 {
		t.Errorf("%v polls in the backlog, of 1,001 browsers", backlog)
	}
}

// Who asks again and again when to connect takes no more than a user's places in the queue.
func TestOneCallerFillsNoQueue(t *testing.T) {
	for _, mallory := range mallories() {
		bubble(t, func(o *gateway.Options) { o.Settings.Limits.ConnectsPerSecond = 10 }, func(t *testing.T, r *rig) { fillsNoQueue(t, r, mallory) })
	}
}

func fillsNoQueue(t *testing.T, r *rig, mallory string) {
	ann := func() float64 {
		return r.get("/poll-interval?project=victim", as("ann")).json(t)["connect_after_ms"].(float64)
	}
	for range 600 {
		r.get("/poll-interval?project=evil", mallory)
	}
	if ms := ann(); ms > 1000 {
		t.Errorf("she has to wait %v ms after 600 questions of another", ms)
	}
	time.Sleep(2 * time.Second)
	for i := range 20 { // each has a place of its own
		r.get("/poll-interval?project=victim", as(fmt.Sprint("user", i)))
	}
	if ms := ann(); ms < 1900 || ms > 2100 {
		t.Errorf("she has to wait %v ms after 20 others", ms)
	}
}

// Without a limit nobody waits, however often one asks.
func TestNobodyQueuesWithoutLimit(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 20 {
			if ms := r.get("/poll-interval?project=42", as("ann")).json(t)["connect_after_ms"]; ms != 0.0 {
				t.Fatalf("she has to wait %v ms", ms)
			}
		}
	})
}

// An application that gives all its users one subject gets them back one after the other all the same.
func TestSharedSubjectIsNoHerd(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.Settings.Limits.ConnectsPerSecond, o.Settings.Limits.PerSubject[limits.Polls] = 100, 10_000
	}, func(t *testing.T, r *rig) {
		seconds := map[int]int{}
		for range 1000 {
			ms := r.get("/poll-interval?project=42", as("guest")).json(t)["connect_after_ms"].(float64)
			seconds[int(ms/1000)]++
		}
		for second, n := range seconds {
			if n > 50 {
				t.Errorf("%d of 1,000 come in second %d", n, second)
			}
		}
	})
}

// Who reconnects all the time, or opens many streams that leave out a project, neither spreads the news of others nor makes
// their interval longer.
func TestOneCallerIsNoCrowd(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("victim@1", "evil@1")
		for i := range 10 {
			r.open("/events?project=victim", as(fmt.Sprint("user", i), "victim"))
		}
		s := r.open("/events?project=quiet", as("ann", "quiet"))
		r.hears(8*time.Second, says("b", 990))
		spread := func(news string) float64 {
			s.now()
			r.news(news)
			return s.find("version").json(t)["spread_ms"].(float64)
		}
		r.open("/events?project=evil", mallories()[0]).leave()
		once := spread("quiet@2")
		r.hears(time.Minute, says("b", 990))
		for range 600 {
			tap := r.open("/events?project=evil", mallories()[0])
			tap.next("hello")
			tap.leave()
			time.Sleep(5 * time.Millisecond)
		}
		if often := spread("quiet@3"); often > 1.2*once {
			t.Errorf("news is spread over %v ms; after one connect of hers it was %v", often, once)
		}
		if backlog := r.get("/ops/status").json(t)["backlog"].(float64); backlog > 400 {
			t.Errorf("%v polls in the backlog, of 1,001 browsers", backlog)
		}
	})
	budget := func(o *gateway.Options) { o.Settings.Policy.Budget = 10 }
	bubble(t, budget, func(t *testing.T, r *rig) {
		for range 200 {
			r.open("/events?project=evil&project=denied", mallories()[0])
		}
		time.Sleep(20 * time.Second)
		if n := r.uncovered(); n != 4 {
			t.Errorf("%v are uncovered", n)
		}
		if fast := r.get("/ops/status").json(t)["fast_ms"].(float64); fast != 10_000 {
			t.Errorf("fast_ms is %v", fast)
		}
	})
}

// Streams that one caller has beyond what a user has count in no estimate: neither as browsers, nor as watchers of a project.
func TestManyTabsAreNoCrowd(t *testing.T) {
	for name, test := range map[string]struct {
		caller string
		counts float64
	}{
		"three tabs":  {as("ann", "shared"), 3},
		"a subject":   {as("mallory", "shared"), 4},
		"no subject":  {as("", "shared"), 64},
		"held polls":  {as("mallory", "shared"), 4},
		"a user each": {"", 250},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.news("shared@1")
				s := r.open("/events?project=shared", as("ben", "shared"))
				s.next("hello")
				var theirs []*tap
				n := 250
				if name == "three tabs" {
					n = 3
				}
				for i := range n {
					who := test.caller
					if who == "" {
						who = as(fmt.Sprint("user", i), "shared")
					}
					if name == "held polls" {
						go r.client.Do(r.request(t.Context(), "GET", "/versions?project=shared@1&wait=25s", "", who))
						continue
					}
					tap := r.open("/events?project=shared", who)
					tap.next("hello")
					theirs = append(theirs, tap)
				}
				time.Sleep(3 * time.Second)
				status := func() object { return r.get("/ops/status").json(t) }
				if got := status()["browsers"].(float64); got != test.counts+1 {
					t.Errorf("%v browsers count, want %v and another", got, test.counts)
				}
				if got := status()["streams"].(float64); got != float64(n+1) {
					t.Errorf("%v streams are open", got)
				}
				r.news("shared@2")
				time.Sleep(time.Millisecond) // the news has come, and what it asks for is booked
				spread := s.find("version").json(t)["spread_ms"].(float64)
				if crowd := test.counts > 60; crowd != (spread > 0) {
					t.Errorf("news of %v who count is spread over %v ms", test.counts, spread)
				}
				for _, tap := range theirs {
					tap.leave()
				}
				time.Sleep(40 * time.Second)
				if got := status()["browsers"].(float64); got != 1 {
					t.Errorf("%v browsers are left", got)
				}
			})
		})
	}
}
