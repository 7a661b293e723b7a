package gateway_test

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway"
	"nudge/gateway/limits"
)

func TestLimits(t *testing.T) {
	const path = "/events?project=42&evict=0" // else the oldest stream of a subject makes room
	for name, test := range map[string]struct {
		limits  limits.Settings
		in, out []string // headers of streams that come in before, and of one that does not
		status  int
	}{
		"streams":            {limits.Settings{Streams: 2}, []string{as("a"), as("b")}, []string{as("c")}, 503},
		"goroutine streams":  {limits.Settings{Streams: 9, GoroutineStreams: 2}, []string{as("a"), as("b")}, []string{as("c")}, 503},
		"of one subject":     {limits.Settings{StreamsPerSubject: 2}, []string{as("a"), as("a"), as("b")}, []string{as("a")}, 429},
		"of no subject":      {limits.Settings{StreamsPerSubject: 1}, []string{as(""), as("a")}, []string{as("")}, 429},
		"of one address":     {limits.Settings{StreamsPerAddress: 2}, []string{as("a"), as("b")}, []string{as("c")}, 429},
		"connects in a time": {limits.Settings{ConnectsPerSecond: 3}, []string{as("a"), as("b"), as("c")}, []string{as("d")}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { o.Settings.Limits = test.limits }, func(t *testing.T, r *rig) {
				var in []*tap
				for _, who := range test.in {
					s := r.open(path, who)
					s.next("hello")
					in = append(in, s)
				}
				refused := func() {
					t.Helper()
					a := r.get(path, test.out...)
					if a.StatusCode != test.status {
						t.Fatalf("%d, not %d", a.StatusCode, test.status)
					}
					isProblem(t, a, "limit")
					overload(t, r.get(path, append(test.out, "Accept: text/event-stream")...))
					if a := r.get("/versions?project=42&wait=1s", test.out...); a.StatusCode != test.status {
						t.Errorf("a held poll comes in: %d", a.StatusCode)
					}
				}
				refused()
				if a := r.get("/versions?project=42", test.out...); a.StatusCode != 200 {
					t.Errorf("a poll that is not held is refused: %d", a.StatusCode)
				}
				for _, s := range in {
					s.leave()
				}
				synctest.Wait()
				for range 3 { // held polls leave, too
					time.Sleep(time.Second)
					if a := r.get("/versions?project=42&wait=1s", test.out...); a.StatusCode != 200 {
						t.Errorf("a held poll afterwards: %d", a.StatusCode)
					}
				}
				r.open("/events?project=42", test.out...).next("hello")
			})
		})
	}
}

func TestLimitsChangeAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		r.apply(func(s *gateway.Settings) { s.Limits.Streams = 1 })
		isProblem(t, r.get("/events?project=42"), "limit")
		r.apply(func(s *gateway.Settings) { s.Limits.Streams = 2 })
		r.open("/events?project=42").next("hello")
		s.next("heartbeat")
		r.apply(func(s *gateway.Settings) { s.Limits.ProjectsPerStream = 2 })
		isProblem(t, r.get("/versions?project=1&project=2&project=3"), "malformed")
		if a := r.get("/versions?project=1&project=2&project=2@7"); a.StatusCode != 200 {
			t.Errorf("two projects, one of them twice: %d", a.StatusCode)
		}
		r.apply(func(s *gateway.Settings) { s.Limits.ProjectsPerStream = 65 }) // never more than 64
		path := "/versions?x"
		for i := range 65 {
			path += fmt.Sprintf("&project=%d", i)
		}
		isProblem(t, r.get(path), "malformed")
	})
}

// networks parses prefixes.
func networks(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestTrustedProxies(t *testing.T) {
	for _, test := range []struct {
		trusted   []string
		forwarded []string // of two callers behind the pipe, which is 192.0.2.1
		same      bool     // they count as one address
	}{
		{nil, []string{"198.51.100.1", "198.51.100.2"}, true},
		{[]string{"10.0.0.0/8"}, []string{"198.51.100.1", "198.51.100.2"}, true},
		{[]string{"192.0.2.0/24"}, []string{"198.51.100.1", "198.51.100.2"}, false},
		{[]string{"192.0.2.0/24"}, []string{"198.51.100.1", "198.51.100.1"}, true},
		{[]string{"192.0.2.0/24"}, []string{"1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1"}, true},
		{[]string{"192.0.2.0/24"}, []string{"1.1.1.1, 192.0.2.7", "2.2.2.2, 192.0.2.7"}, false},
		{[]string{"192.0.2.0/24"}, []string{"rubbish", "nonsense"}, true},
	} {
		bubble(t, func(o *gateway.Options) {
			o.Settings.Limits = limits.Settings{StreamsPerAddress: 1, TrustedProxies: networks(test.trusted...)}
		}, func(t *testing.T, r *rig) {
			r.open("/events?project=42", "X-Forwarded-For: "+test.forwarded[0]).next("hello")
			ctx := t.Context()
			resp, err := r.client.Do(r.request(ctx, "GET", "/events?project=42", "", "X-Forwarded-For: "+test.forwarded[1]))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if (resp.StatusCode == 429) != test.same {
				t.Errorf("trusting %v, %v: %d", test.trusted, test.forwarded, resp.StatusCode)
			}
		})
	}
	g, err := gateway.New(gateway.Options{
		Source:   newFake(0).source,
		Settings: gateway.Settings{Limits: limits.Settings{TrustedProxies: make([]netip.Prefix, 1)}},
	})
	if g != nil || err == nil {
		t.Error("a bad prefix is accepted")
	}
	bubble(t, nil, func(t *testing.T, r *rig) {
		bad := r.settings
		bad.Auth.Secret, bad.Limits.TrustedProxies = "another", make([]netip.Prefix, 1)
		if err := r.Apply(bad); err == nil {
			t.Error("a bad prefix is accepted")
		}
		r.open("/events?project=42").next("hello") // the old settings stay, all of them
	})
}

// Projects beyond the limit wait, and one that only lingers makes room.
func TestProjectsLimit(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Projects = 2 }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=1&project=2&project=3")
		if got := s.next("hello")["waiting"].([]any); len(got) != 1 {
			t.Fatalf("waiting: %v, want one of the three", got)
		}
		s.leave()
		synctest.Wait()
		hello := r.open("/events?project=4&project=5").next("hello")
		if got := hello["waiting"].([]any); len(got) != 0 {
			t.Errorf("waiting: %v, though the first ones are not used any more", got)
		}
	})
}
