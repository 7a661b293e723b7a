package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/version"
)

// missed is how many reports were judged so.
func (r *rig) missed(kind string) float64 {
	r.t.Helper()
	return r.metric(`nudge_missed_total{kind="` + kind + `"}`)
}

// reports that a poll of a subject found 42@125, though push named only 124.
func (r *rig) reports(subject, project string, found int) {
	r.t.Helper()
	body := fmt.Sprintf(`{"project":%q,"version":%d,"named":%d}`, project, found, found-1)
	if a := r.post("/missed", body, as(subject)); a.StatusCode != 204 {
		r.t.Fatalf("%d %s", a.StatusCode, a.body)
	}
}

// push is the state of push and its reason.
func (r *rig) push() string {
	r.t.Helper()
	s := r.get("/live").json(r.t)
	return fmt.Sprint(s["push"], " ", s["reason"])
}

func TestMissedIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		believed, stored version.Version // 0: nothing
		found            int
		want             string
	}{
		"never published":      {124, 124, 125, "publisher"},
		"nothing is known":     {0, 0, 125, "publisher"},
		"stored, not heard of": {124, 125, 125, "deaf"},
		"not watched here":     {0, 130, 125, "deaf"},
		"heard of":             {125, 125, 125, "delivery"},
		"published only":       {125, 0, 125, "delivery"},
		"a step back":          {124, 124, -1, "unjudged"},
		"the key cannot be read": {
			124, -1, 125, "unjudged",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				if tt.believed > 0 {
					r.open("/events?project=42").next("hello")
					r.news(fmt.Sprint("42@", tt.believed))
				}
				r.source.read = func(context.Context, version.Project) (version.Key, error) {
					if tt.stored < 0 {
						return version.Key{}, errors.New("it is gone")
					}
					return version.Key{Version: tt.stored, Known: tt.stored > 0}, nil
				}
				if tt.found < 0 {
					if a := r.post("/missed", `{"project":"42","version":120,"named":124}`); a.StatusCode != 204 {
						t.Error(a.StatusCode)
					}
				} else {
					r.reports("ann", "42", tt.found)
				}
				for _, kind := range fallback.Faults() {
					want := 0.0
					if string(kind) == tt.want {
						want = 1
					}
					if got := r.missed(string(kind)); got != want {
						t.Errorf("%v judged as %s, want %v", got, kind, want)
					}
				}
				if logged := strings.Contains(r.log.String(), "a poll found what push had not announced"); logged != (tt.want != "unjudged") {
					t.Errorf("logged: %v", logged)
				}
			})
		})
	}
}

// Reports by several people of several projects demote push; without more it is healthy again after its time.
func TestMissedDemotesPush(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		r.news("42@125", "7@125", "8@125")
		for _, p := range []string{"7", "8"} { // so that this gateway knows them
			r.get("/versions?project=" + p)
		}
		begun := time.Now()
		r.reports("ann", "42", 125)
		r.reports("ben", "7", 125)
		if got := r.push(); got != "healthy " {
			t.Errorf("after two people: %s", got)
		}
		r.reports("cat", "8", 125)
		for s.find("heartbeat").json(t)["push"] != "degraded" {
		}
		if after := time.Since(begun); after > time.Second {
			t.Errorf("streams were told after %v", after)
		}
		if got := r.push(); got != "degraded missed" {
			t.Error(got)
		}
		status := r.get("/ops/status").json(t)["missed"].(object)
		if status["delivery"] != 3.0 || status["voters"] != 3.0 || status["projects"] != 3.0 || status["until"] == nil {
			t.Error(status)
		}
		time.Sleep(15*time.Minute + time.Second)
		if got := r.push(); got != "healthy " {
			t.Errorf("after its time: %s", got)
		}
		status = r.get("/ops/status").json(t)["missed"].(object)
		if status["voters"] != 0.0 || status["until"] != nil {
			t.Error(status)
		}
	})
}

// A liar, a project that is never published, a share too small, and a push that is down already: nothing follows.
func TestMissedDemotesNothing(t *testing.T) {
	for name, report := range map[string]func(r *rig){
		"a liar": func(r *rig) {
			for i := range 50 {
				r.reports("liar", fmt.Sprint(i%5), 1)
			}
		},
		"never published": func(r *rig) {
			for i := range 50 {
				r.reports(fmt.Sprint("user", i), fmt.Sprint("p", i%7), 99)
			}
		},
		"one project": func(r *rig) {
			for i := range 50 {
				r.reports(fmt.Sprint("user", i), "1", 1)
			}
		},
		"a small share of a large fleet": func(r *rig) {
			r.source.host.Peer(version.Peer{Instance: "i-2", Streams: 3000}) // 1,500 for each: 4,500 polls in the time that counts
			for i := range 40 {
				r.reports(fmt.Sprint("user", i), fmt.Sprint(i%5), 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				for i := range 5 {
					r.get(fmt.Sprint("/versions?project=", i))
					r.news(fmt.Sprint(i, "@1"))
				}
				report(r)
				if got := r.push(); got != "healthy " {
					t.Error(got)
				}
			})
		})
	}
}

// Without subjects, an address is all that tells people apart.
func TestMissedByNobody(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth = auth.Settings{Open: true} }, func(t *testing.T, r *rig) {
		for i := range 5 {
			r.get(fmt.Sprint("/versions?project=", i))
			r.news(fmt.Sprint(i, "@1"))
		}
		for i := range 50 {
			if a := r.post("/missed", fmt.Sprintf(`{"project":"%d","version":1}`, i%5), nobody); a.StatusCode != 204 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		if got := r.get("/ops/status").json(t)["missed"].(object); got["delivery"] != 50.0 || got["voters"] != 1.0 {
			t.Error(got)
		}
		if got := r.push(); got != "healthy " {
			t.Error(got)
		}
	})
}

func TestMissedIsLimited(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for range 60 {
			r.reports("ann", "42", 1)
		}
		a := r.post("/missed", `{"project":"42","version":1}`, as("ann"))
		if isProblem(t, a, "limit"); a.StatusCode != 429 || a.Header.Get("Retry-After") != "60" {
			t.Error(a.StatusCode, a.Header)
		}
		for i := range 540 { // the rest of what one address may
			r.reports(fmt.Sprint("user", i), "42", 1)
		}
		isProblem(t, r.post("/missed", `{"project":"42","version":1}`, as("ben")), "limit")
		time.Sleep(time.Minute)
		r.reports("ann", "42", 1)
		if n := r.missed("publisher"); n != 601 {
			t.Errorf("%v counted", n)
		}
	})
}

// Nobody relies on a push that is down: there is no key to read, and nothing to hold against it.
func TestMissedWhileDown(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.source.read = func(context.Context, version.Project) (version.Key, error) {
			t.Error("a key was read")
			return version.Key{}, nil
		}
		r.source.evidence.Lost(version.FaultConnection, errors.New("gone"))
		r.source.silent.Store(true)
		time.Sleep(10 * time.Second)
		r.reports("ann", "42", 1)
		if r.missed("unjudged") != 1 {
			t.Error("judged")
		}
	})
}
