package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
				fix := map[string]string{"publisher": `--scan --pattern '*:{42}'`, "deaf": "may do in Redis", "delivery": "holds streams back"}[tt.want]
				if !strings.Contains(r.log.String(), fix) {
					t.Errorf("the log names no fix such as %q:\n%s", fix, r.log)
				}
			})
		})
	}
}

// stores makes reads of keys find this version of each project, as a source's reads do.
func (r *rig) stores(v version.Version) {
	r.source.read = func(_ context.Context, p version.Project) (version.Key, error) {
		key := version.Key{Version: v, Known: true}
		r.source.board.Routine(p, key, r.source.board.BeginRead())
		return key, nil
	}
}

// watching opens a stream of five projects, 0 to 4, at version 1.
func (r *rig) watching() *tap {
	r.t.Helper()
	r.news("0@1", "1@1", "2@1", "3@1", "4@1")
	s := r.open("/events?project=0&project=1&project=2&project=3&project=4", as("watcher"))
	s.next("hello")
	return s
}

// A gateway that does not hear what is stored is found by reports, since it then sees it for itself. Push is degraded when
// that is so in several projects, and healthy again after its time.
func TestDeafGatewayIsFound(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.watching()
		r.stores(2)
		r.reports("ann", "0", 2)
		if e := s.find("version"); e.LastEventID != "0@2" {
			t.Errorf("a report repairs nothing: %+v", e)
		}
		r.reports("ann", "1", 2)
		time.Sleep(10 * time.Second)
		if got := r.push(); got != "healthy " {
			t.Errorf("after two projects: %s", got)
		}
		begun := time.Now()
		r.reports("ann", "2", 2)
		go func() { // who reports again and again delays nothing
			for range 20 {
				time.Sleep(100 * time.Millisecond)
				r.reports("liar", "2", 2)
			}
		}()
		for s.find("heartbeat").json(t)["push"] != "degraded" {
		}
		if after := time.Since(begun); after > 5*time.Second {
			t.Errorf("streams were told after %v", after)
		}
		if got := r.push(); got != "degraded missed" {
			t.Error(got)
		}
		status := r.get("/ops/status").json(t)["missed"].(object)
		if status["deaf"] != 3.0 || status["projects"] != 3.0 || status["until"] == nil {
			t.Error(status)
		}
		time.Sleep(15*time.Minute + time.Second)
		if got := r.push(); got != "healthy " {
			t.Errorf("after its time: %s", got)
		}
		if status = r.get("/ops/status").json(t)["missed"].(object); status["projects"] != 0.0 || status["until"] != nil {
			t.Error(status)
		}
	})
}

// Whatever people say, and however many they are: without a fault that the gateway sees for itself nothing follows.
func TestLiarsDemoteNothing(t *testing.T) {
	liars := func(n int) func(*testing.T, *rig) {
		return func(t *testing.T, r *rig) {
			for i := range n {
				r.open(fmt.Sprint("/events?project=", i%5), as(fmt.Sprint("user", i))).next("hello")
				r.reports(fmt.Sprint("user", i), fmt.Sprint(i%5), 1)
			}
			if got := r.missed("delivery"); got != float64(n) {
				t.Errorf("%v are counted", got)
			}
		}
	}
	// late makes reads find a version whose message is on its way, or comes as something else.
	late := func(arrives func(*rig, version.Project)) func(*testing.T, *rig) {
		return func(t *testing.T, r *rig) {
			r.stores(2)
			for i := range 5 {
				r.reports("liar", fmt.Sprint(i), 2)
				arrives(r, mark(t, fmt.Sprint(i)).Project)
			}
			if got := r.missed("deaf"); got != 5 {
				t.Errorf("%v are counted", got)
			}
		}
	}
	for name, report := range map[string]func(*testing.T, *rig){
		"one liar": func(_ *testing.T, r *rig) {
			for i := range 50 {
				r.reports("liar", fmt.Sprint(i%5), 1)
			}
		},
		"three liars":                 liars(3),
		"thirty liars of one network": liars(30),
		"never published": func(_ *testing.T, r *rig) {
			for i := range 50 {
				r.reports(fmt.Sprint("user", i), fmt.Sprint("p", i%7), 99)
			}
		},
		"a liar who publishes": late(func(r *rig, p version.Project) {
			r.source.board.Message(version.News{Project: p, Version: 2})
		}),
		"a liar who publishes ever more": late(func(r *rig, p version.Project) {
			r.source.board.Message(version.News{Project: p, Version: 3})
			r.source.board.Routine(p, version.Key{Version: 3, Known: true}, r.source.board.BeginRead())
		}),
		"a publisher whose messages are too long": late(func(r *rig, p version.Project) { r.source.board.Garbled(p) }),
		"messages too long, before the reports": func(t *testing.T, r *rig) {
			for i := range 5 {
				r.source.board.Garbled(mark(t, fmt.Sprint(i)).Project)
			}
			late(func(*rig, version.Project) {})(t, r)
		},
		"the subscription breaks": late(func(r *rig, p version.Project) {
			r.source.board.Gap()
			r.source.board.Confirm(p, version.Key{Version: 2, Known: true}, 1)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.watching()
				report(t, r)
				time.Sleep(10 * time.Second)
				if got := r.push(); got != "healthy " {
					t.Error(got)
				}
			})
		})
	}
}

// With auth.open there are no people, only addresses, and anybody has a /64 of them.
func TestStrangersDemoteNothing(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.Settings.Auth = auth.Settings{Open: true}
		o.Settings.Limits.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	}, func(t *testing.T, r *rig) {
		r.watching()
		for i := range 50 {
			from := fmt.Sprintf("X-Forwarded-For: 2001:db8:0:%x::1", i)
			if a := r.post("/missed", fmt.Sprintf(`{"project":"%d","version":1}`, i%5), nobody, from); a.StatusCode != 204 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		time.Sleep(10 * time.Second)
		if got := r.get("/ops/status").json(t)["missed"].(object); got["delivery"] != 50.0 {
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

// A page applied pushed data, and the application's answer differed. This is logged with the project, and is no vote against
// push: news arrived, and polling faster would not correct the publisher.
func TestMissedData(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for i := range 50 {
			body := fmt.Sprintf(`{"project":"p%d","version":125,"named":125,"kind":"data"}`, i%5)
			if a := r.post("/missed", body, as(fmt.Sprint("user", i))); a.StatusCode != 204 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		if r.missed("data") != 50 || r.missed("delivery")+r.missed("publisher")+r.missed("deaf")+r.missed("unjudged") != 0 {
			t.Error(r.get("/ops/status").json(t)["missed"])
		}
		status := r.get("/ops/status").json(t)["missed"].(object)
		if status["data"] != 50.0 || r.push() != "healthy " {
			t.Error(status, r.push())
		}
		if n := strings.Count(r.log.String(), "the application's answer differs"); n != 1 || !strings.Contains(r.log.String(), "news=p0@125") {
			t.Errorf("logged %d times", n)
		}
		r.reports("ann", "42", 1) // is logged within the same minute
		if !strings.Contains(r.log.String(), "a poll found what push had not announced") {
			t.Error("reports of data keep others out of the log")
		}
	})
}

// A stored version ahead of the application is logged once with its fix, and is listed until it is fixed or no longer reported.
func TestMissedAhead(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		stored := map[string]version.Version{"42": 125, "7": 9}
		r.source.read = func(_ context.Context, p version.Project) (version.Key, error) {
			v, known := stored[p.String()]
			return version.Key{Version: v, Known: known}, nil
		}
		ahead := func(subject, project string, application int) {
			t.Helper()
			body := fmt.Sprintf(`{"project":%q,"version":%d,"named":125,"kind":"ahead"}`, project, application)
			if a := r.post("/missed", body, as(subject)); a.StatusCode != 204 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		listed := func() (all []string) {
			t.Helper()
			list, _ := r.get("/ops/status").json(t)["ahead"].([]any)
			for _, e := range list {
				e := e.(object)
				all = append(all, fmt.Sprint(e["project"], " ", e["application"], " ", e["stored"], " ", e["reports"], " ", e["fix"]))
			}
			return all
		}
		is := func(want ...string) {
			t.Helper()
			if d := cmp.Diff(want, listed()); d != "" {
				t.Error(d)
			}
		}
		r.open("/events?project=42").next("hello")
		ahead("ann", "42", 3)
		ahead("ben", "42", 3)
		ahead("ann", "7", 8)
		ahead("ann", "7", 9)  // the application has it
		ahead("ann", "99", 1) // nothing is stored
		is("7 8 9 1 nudge publish 7@8 --reset", "42 3 125 2 nudge publish 42@3 --reset")
		if r.missed("ahead") != 3 || r.missed("unjudged") != 2 || r.push() != "healthy " {
			t.Error(r.missed("ahead"), r.missed("unjudged"), r.push())
		}
		lines := func(project string) int {
			return strings.Count(r.log.String(), `project=`+project+` application=`)
		}
		if lines("42") != 1 || lines("7") != 1 || !strings.Contains(r.log.String(), `fix="nudge publish 42@3 --reset"`) {
			t.Errorf("logged %d and %d times", lines("42"), lines("7"))
		}
		time.Sleep(10 * time.Minute)
		ahead("ann", "42", 4)
		time.Sleep(6 * time.Minute) // 7 is no longer reported
		is("42 4 125 3 nudge publish 42@4 --reset")
		ahead("ann", "42", 4)
		if lines("42") != 2 {
			t.Errorf("logged %d times in 16 minutes", lines("42"))
		}
		p := mark(t, "42").Project
		r.publish(version.News{Project: p, Version: 4, Reset: true})
		is()

		for i := range 300 {
			project := fmt.Sprint("p", i)
			stored[project] = 5
			time.Sleep(time.Second)
			ahead(fmt.Sprint("user", i), project, 1)
		}
		if got := listed(); len(got) != 100 || !strings.HasPrefix(got[0], "p299 ") || !strings.HasPrefix(got[99], "p200 ") {
			t.Errorf("%d are listed", len(got))
		}
		if n := strings.Count(r.log.String(), "is ahead of the application"); n > 3+10+51 {
			t.Errorf("%d lines", n)
		}
	})
}

// Kinds of later versions, and kinds that are no page's to say, count as nothing.
func TestMissedUnknownKind(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for i, kind := range []string{"later", "delivery", "deaf", "unjudged", "DATA"} {
			body := fmt.Sprintf(`{"project":"p%d","version":125,"kind":%q,"more":{"a":[1]}}`, i, kind)
			if a := r.post("/missed", body, as(fmt.Sprint("user", i))); a.StatusCode != 204 {
				t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
			}
		}
		if n := r.missed("unjudged"); n != 5 {
			t.Errorf("%v of 5 not judged", n)
		}
	})
}
