package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"nudge/gateway"
)

// mallory may see one project, and asks for more than anybody needs.
func mallory() string { return as("mallory", "evil") }

// Who asks for versions in a loop delays nobody's news.
func TestOneCallerFillsNoBacklog(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
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
		r.get("/versions?project=evil", mallory())
		once := spread("quiet@2")
		r.hears(time.Minute, says("b", 990))
		for range 1000 {
			r.get("/versions?project=evil", mallory())
			time.Sleep(2 * time.Millisecond)
		}
		if often := spread("quiet@3"); often > 1.2*once {
			t.Errorf("news is spread over %v ms; after one question of hers it was %v", often, once)
		}
		if backlog := r.get("/ops/status").json(t)["backlog"].(float64); backlog > 300 {
			t.Errorf("%v polls in the backlog, of 1,001 browsers", backlog)
		}
	})
}

// Who asks again and again when to connect takes no more than a user's places in the queue.
func TestOneCallerFillsNoQueue(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.ConnectsPerSecond = 100 }, func(t *testing.T, r *rig) {
		ann := func() float64 {
			return r.get("/poll-interval?project=victim", as("ann")).json(t)["connect_after_ms"].(float64)
		}
		for range 6000 {
			r.get("/poll-interval?project=evil", mallory())
		}
		if ms := ann(); ms > 100 {
			t.Errorf("she has to wait %v ms after 6,000 questions of another", ms)
		}
		time.Sleep(2 * time.Second)
		for i := range 200 { // each has a place of its own
			r.get("/poll-interval?project=victim", as(fmt.Sprint("user", i)))
		}
		if ms := ann(); ms < 1900 || ms > 2100 {
			t.Errorf("she has to wait %v ms after 200 others", ms)
		}
	})
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

// Who is refused for asking too often says nothing of the gateway; several do.
func TestOneCallerSaturatesNothing(t *testing.T) {
	for limit, set := range map[string]func(*gateway.Limits){
		"connects": func(l *gateway.Limits) { l.ConnectsPerSecond = 10 },
		"streams":  func(l *gateway.Limits) { l.Streams = 5 },
	} {
		t.Run(limit, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { set(&o.Settings.Limits) }, func(t *testing.T, r *rig) {
				r.open("/events?project=victim", as("ann")).next("hello")
				for range 4 {
					r.open("/events?project=evil", mallory())
				}
				knock := func(headers string) {
					ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
					defer cancel()
					if resp, err := r.client.Do(r.request(ctx, http.MethodGet, "/events?project=evil", "", headers)); err == nil {
						resp.Body.Close()
					}
				}
				for range 500 {
					knock(mallory())
					time.Sleep(20 * time.Millisecond)
				}
				if got := r.doubt(); got != [2]any{"healthy", ""} {
					t.Errorf("one was refused, and push is %v", got)
				}
				for i := range 500 {
					knock(as(fmt.Sprint("user", i%7), "evil"))
					time.Sleep(20 * time.Millisecond)
				}
				if got := r.doubt(); got != [2]any{"degraded", "saturated"} {
					t.Errorf("seven were refused, and push is %v", got)
				}
			})
		})
	}
}

// Who has no subject is known by its network, where proxies are trusted to tell it; else all may share one address.
func TestAnonymousSaturate(t *testing.T) {
	for name, test := range map[string]struct {
		proxies []string
		want    [2]any
	}{
		"one network":              {[]string{"192.0.2.0/24"}, [2]any{"healthy", ""}},
		"behind nobody knows whom": {nil, [2]any{"degraded", "saturated"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) {
				o.Settings.Auth.Open, o.Settings.Limits.TrustedProxies, o.Settings.Limits.Streams = true, test.proxies, 1
			}, func(t *testing.T, r *rig) {
				r.open("/events?project=42", nobody).next("hello")
				for i := range 100 {
					r.get("/events?project=42", nobody, fmt.Sprintf("X-Forwarded-For: 2001:db8::%d", i%9+1))
					time.Sleep(100 * time.Millisecond)
				}
				if got := r.doubt(); got != test.want {
					t.Errorf("push is %v", got)
				}
			})
		})
	}
}

// An application that gives all its users one subject gets them back one after the other all the same.
func TestSharedSubjectIsNoHerd(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.ConnectsPerSecond = 100 }, func(t *testing.T, r *rig) {
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

// Who has many addresses of one network has one vote.
func TestOneNetworkIsOneVoter(t *testing.T) {
	for network, want := range map[string][2]any{"2001:db8::%d": {"healthy", ""}, "2001:db8:0:%d::1": {"degraded", "missed"}} {
		t.Run(network, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) {
				o.Settings.Auth.Open = true
				o.Settings.Limits.TrustedProxies = []string{"192.0.2.0/24"}
			}, func(t *testing.T, r *rig) {
				r.news("a@5", "b@5", "c@5")
				r.open("/events?project=a&project=b&project=c").next("hello")
				r.hears(4*time.Second, says("b", 100))
				for i, p := range []string{"a", "b", "c"} {
					if got := r.post("/missed", fmt.Sprintf(`{"project":%q,"version":5}`, p), "X-Forwarded-For: "+fmt.Sprintf(network, i+1), nobody); got.StatusCode != http.StatusNoContent {
						t.Fatal(got.StatusCode, got.body)
					}
				}
				time.Sleep(time.Second)
				if got := r.doubt(); got != want {
					t.Errorf("push is %v", got)
				}
			})
		})
	}
}
