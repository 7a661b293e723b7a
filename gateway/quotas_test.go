package gateway_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
	"nudge/gateway/limits"
)

// busy is the header with a token that may do everything.
func busy(subject string) string {
	return "Authorization: Bearer " + sign(jwt.MapClaims{"sub": subject, "subscribe": "*", "publish": "*", "revoke": "*"})
}

// Each kind of request is limited: the third of ann is refused as the protocol says, before its body is read, and counted. Bob
// notices nothing, and push neither.
func TestQuotas(t *testing.T) {
	const twice = 2
	for name, test := range map[string]struct {
		kind               limits.Request
		method, path, body string
	}{
		"connects_per_subject":    {limits.Connects, "GET", "/events?project=42", ""},
		"polls_per_subject":       {limits.Polls, "GET", "/poll-interval", ""},
		"versions_per_subject":    {limits.Versions, "GET", "/versions?project=42", ""},
		"publishes_per_subject":   {limits.Publishes, "POST", "/versions", `{"project":"42","version":1}`},
		"reports_per_subject":     {limits.Reports, "POST", "/missed", `{"project":"42","version":1}`},
		"shadow_per_subject":      {limits.Shadow, "POST", "/shadow", `{"polls":1,"projects":{"42":0}}`},
		"sessions_per_subject":    {limits.Sessions, "POST", "/session", ""},
		"revocations_per_subject": {limits.Revocations, "POST", "/revocations", `{"sub":"nobody"}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) {
				o.Settings.Limits.PerSubject[test.kind] = twice
				o.Settings.Limits.StreamAge = time.Minute // so that one which should be refused ends
			}, func(t *testing.T, r *rig) {
				send := func(who, body string) answer {
					if test.kind == limits.Connects {
						r.open(test.path, busy(who)).leave()
						return answer{}
					}
					return r.do(test.method, test.path, body, busy(who))
				}
				for range twice {
					if a := send("ann", test.body); a.Response != nil && a.StatusCode > 204 {
						t.Fatalf("%d %s", a.StatusCode, a.body)
					}
				}
				time.Sleep(10 * time.Second)
				bad := strings.Replace(test.body, "{", "[", 1)
				a := r.do(test.method, test.path, bad, busy("ann"))
				isProblem(t, a, "limit")
				if a.StatusCode != 429 || a.Header.Get("Retry-After") != "50" || !strings.Contains(a.body, "limits."+name) {
					t.Errorf("%d, Retry-After: %s, %s", a.StatusCode, a.Header.Get("Retry-After"), a.body)
				}
				if test.kind == limits.Connects {
					overload(t, r.get(test.path, busy("ann"), "Accept: text/event-stream"))
				} else {
					r.do(test.method, test.path, bad, busy("ann"))
				}
				send("bob", test.body)
				if n := r.metric(`nudge_limited_total{limit="` + name + `"}`); n != 2 {
					t.Errorf("counted %v times", n)
				}
				status := r.get("/ops/status").json(t)
				if got := fmt.Sprint(status["limited"]); got != "map["+name+":2]" || status["push"] != "healthy" || status["reason"] != "" {
					t.Errorf("/status has %s, push is %v %v", got, status["push"], status["reason"])
				}
				r.apply(func(s *gateway.Settings) { s.Limits.PerSubject[test.kind] = 9 })
				if a := send("ann", test.body); a.Response != nil && a.StatusCode > 204 {
					t.Errorf("after a reload: %d %s", a.StatusCode, a.body)
				}
			})
		})
	}
}

// What needs no token, or comes with a bad one, is limited by its network.
func TestQuotasOfStrangers(t *testing.T) {
	for name, test := range map[string]struct {
		kind         limits.Request
		method, path string
		header       string
		status       int
	}{
		"no token":      {limits.Polls, "GET", "/poll-interval", nobody, 200},
		"a bad token":   {limits.Polls, "GET", "/poll-interval", "Authorization: Bearer x.y.z", 401},
		"who logs out":  {limits.Sessions, "DELETE", "/session", nobody, 204},
		"no subject":    {limits.Versions, "GET", "/versions?project=42", as(""), 200},
		"many subjects": {limits.Versions, "GET", "/versions?project=42", "", 200},
	} {
		bubble(t, func(o *gateway.Options) { o.Settings.Limits.PerSubject[test.kind] = 1 }, func(t *testing.T, r *rig) {
			for i := range 101 { // an address may do what a hundred users may
				header, want := test.header, test.status
				if header == "" {
					header = as(fmt.Sprint("user ", i))
				}
				if i == 100 {
					want = 429
				}
				if a := r.do(test.method, test.path, "", header); a.StatusCode != want {
					t.Fatalf("%s: request %d: %d %s", name, i, a.StatusCode, a.body)
				}
			}
		})
	}
}

// One user cannot fill limits.projects, nor make the gateway subscribe to ever more: by streams, or by questions.
func TestProjectsOfOneSubject(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.Settings.Limits.PerSubject[limits.Projects] = 100
		o.Settings.Limits.StreamAge = time.Minute // so that a stream which should be refused ends
	}, func(t *testing.T, r *rig) {
		ask := func(path, who string, first, n int) answer {
			for i := range n {
				path += fmt.Sprint("&project=", first+i)
			}
			return r.get(path, who)
		}
		s := r.open("/events?project=1&project=2", as("ann"))
		s.next("hello")
		if a := ask("/versions?x", as("ann"), 1, 64); a.StatusCode != 200 { // 62 of them are new
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		for _, path := range []string{"/versions?x", "/versions?wait=1s", "/events?x"} {
			a := ask(path, as("ann"), 65, 37)
			if isProblem(t, a, "limit"); a.StatusCode != 429 || !strings.Contains(a.body, "limits.projects_per_subject") {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
		}
		if n := r.get("/ops/status").json(t)["projects"]; n != 64.0 {
			t.Errorf("%v projects are in use", n)
		}
		for range 5 { // what is known costs nothing
			if a := ask("/versions?x", as("ann"), 1, 64); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		if a := ask("/versions?x", as("bob"), 65, 37); a.StatusCode != 200 {
			t.Errorf("another: %d %s", a.StatusCode, a.body)
		}
		if a := ask("/versions?x", as("ann"), 65, 37); a.StatusCode != 200 { // now it is known
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		time.Sleep(time.Minute)
		if a := ask("/versions?x", as("ann"), 200, 64); a.StatusCode != 200 {
			t.Errorf("a minute later: %d %s", a.StatusCode, a.body)
		}
		s.leave()
		synctest.Wait()
	})
}

// A gateway gives back what it remembers of tokens that nobody sends any more: a page with a stream sends none. These tokens name
// so many projects that little else counts in the heap.
func TestTokensAreForgotten(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		heap := func() int64 {
			var m runtime.MemStats
			for range 3 { // what other tests have left in pools goes with the second
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		projects := make([]string, 500)
		for i := range projects {
			projects[i] = fmt.Sprint("p-", i)
		}
		send := func(subject string) {
			token := sign(jwt.MapClaims{"sub": subject, "subscribe": projects})
			if a := r.get("/versions?project=p-42", "Authorization: Bearer "+token); a.StatusCode != 200 {
				t.Fatal(a.StatusCode, a.body)
			}
		}
		send("the first")
		const callers = 600
		before := heap()
		for i := range callers {
			send(fmt.Sprint("user-", i))
		}
		grown := heap() - before
		if grown < callers*10_000 {
			t.Fatalf("%d bytes are remembered of %d callers, so this test shows nothing", grown, callers)
		}
		time.Sleep(time.Minute)
		if kept := heap() - before; kept > grown/2 {
			t.Errorf("%d of %d bytes are kept for tokens that nobody sends", kept, grown)
		}
	})
}
