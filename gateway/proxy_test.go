//go:build linux

package gateway_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nudge/gateway"
)

// route is proxies between browsers and a gateway, the outermost first, and what is known of them.
type route struct {
	name   string
	hops   []hop
	tls    bool // the outermost speaks TLS, with HTTP/1.1 and HTTP/2
	many   int  // streams at once; 0: 160, more than Apache's default has room for
	many2  int  // the same over one HTTP/2 connection, if it is fewer
	holds  bool // it holds all events back, over HTTP/1.1
	rare   bool // only with NUDGE_TEST_PROXIES
	origin bool // POST /session is refused if the browser does not send Sec-Fetch-Site
}

const base = "/push"

// long asks for all that takes long.
var long = os.Getenv("NUDGE_TEST_PROXIES") != ""

// documented are the routes of docs/proxies.md.
var documented = []route{
	{name: "nginx", hops: []hop{docNginx}, tls: true},
	{name: "nginx behind nginx", hops: []hop{docOuterNginx, plainInnerNginx}, tls: true},
	{name: "nginx that passes X-Accel-Buffering on", hops: []hop{plainOuterNginx, docInnerNginx}, tls: true},
	{name: "HAProxy", hops: []hop{docHAProxy}, tls: true},
	{name: "Apache", hops: []hop{docApache}, tls: true, many2: 6},
	{name: "Varnish", hops: []hop{docVarnish}},
	{name: "Varnish behind HAProxy", hops: []hop{docHAProxy, docVarnish}, tls: true},
	{name: "Caddy", hops: []hop{docCaddy}, tls: true},
}

var routes = slices.Concat(documented, []route{
	{name: "shortest nginx", hops: []hop{shortest("nginx", "server { listen LISTEN; location / { proxy_pass http://NEXT; } }")}, origin: true},
	{name: "shortest nginx twice", hops: []hop{plainOuterNginx, plainInnerNginx}, tls: true, holds: true},
	{name: "shortest HAProxy", hops: []hop{shortest("haproxy", shortHAProxy)}, rare: true},
	{name: "shortest Apache", hops: []hop{shortest("apache2", "ProxyPass / http://NEXT/")}, many: 20, rare: true},
	{name: "shortest Varnish", hops: []hop{shortest("varnishd", `vcl 4.1; backend default { .host = "127.0.0.1"; .port = "PORT"; }`)}},
	{name: "shortest Caddy", hops: []hop{shortest("caddy", "http://LISTEN {\n\treverse_proxy NEXT\n}")}, rare: true},

	{name: "nginx that compresses", hops: []hop{shortest("nginx", "server { listen LISTEN; gzip on; gzip_proxied any; gzip_types *; location / { proxy_pass http://NEXT; } }")}, origin: true, many: 20, rare: true},
	{name: "HAProxy that compresses", hops: []hop{shortest("haproxy", shortHAProxy+"\tcompression algo gzip\n")}, many: 20, rare: true},
	{name: "Apache that compresses", hops: []hop{shortest("apache2", "SetOutputFilter DEFLATE\nProxyPass / http://NEXT/")}, many: 20, rare: true},
	{name: "Varnish that compresses", hops: []hop{shortest("varnishd", `vcl 4.1; backend default { .host = "127.0.0.1"; .port = "PORT"; } sub vcl_backend_response { set beresp.do_gzip = true; }`)}, many: 20},
	{name: "Caddy that compresses", hops: []hop{shortest("caddy", "http://LISTEN {\n\tencode gzip\n\treverse_proxy NEXT\n}")}, many: 20},
})

// start starts all hops for the length of the test, and returns the URL of the outermost.
func (p route) start(t *testing.T, r *rig) string {
	t.Helper()
	next := strings.TrimPrefix(r.url, "http://")
	browser := browserOf(t, false)
	for i, h := range slices.Backward(p.hops) {
		scheme := "http://"
		if i == 0 && p.tls {
			scheme = "https://"
		}
		next = h.start(t, next, func(listen string, exited <-chan struct{}) bool {
			return answers(browser, scheme+listen+base+"/live", exited)
		})
		if i == 0 {
			return scheme + next
		}
	}
	return ""
}

// TestProxies sends streams through the proxies of docs/proxies.md and through those of people who have not read it: the first
// byte, each event, many streams, browsers that leave and that reload, the session and the end. NUDGE_TEST_PROXIES=1 (make
// proxies) adds more routes, and 90 s of silence.
func TestProxies(t *testing.T) {
	t.Parallel()
	for _, p := range routes {
		if p.rare && !long {
			continue
		}
		versions := map[string]bool{"HTTP/1.1": false}
		if p.tls {
			versions["HTTP/2"] = true
		}
		for version, http2 := range versions {
			t.Run(p.name+" over "+version, func(t *testing.T) {
				t.Parallel()
				r := wire(t, func(o *gateway.Options) {
					quiet(o)
					o.BasePath, o.DrainDelay, o.DrainWindow = base, 0, 500*time.Millisecond
					o.Settings.Limits.TrustedProxies = networks("127.0.0.1/32")
				})
				via := *r
				via.url = p.start(t, r) + base
				v := visit{t, p, r, &via, browserOf(t, http2), http2}
				if p.holds && !http2 {
					v.holds()
					return
				}
				v.firstByte()
				v.events()
				v.session()
				v.client = browserOf(t, http2) // a new connection: on one whose streams were closed, Apache answers as few as two at once
				v.many()
				v.reloads()
				v.idle()
				v.client = browserOf(t, http2)
				v.drain()
			})
		}
	}
}

// visit is what one browser does behind a route: r is asked directly, via through the proxies.
type visit struct {
	*testing.T
	route  route
	r, via *rig
	client *http.Client
	http2  bool
}

func (v visit) open(headers ...string) *ear {
	v.Helper()
	return must[*ear](v.T)(v.via.hear(v.client, "/events?project=42&project=7&project=9", headers...))
}

// holds checks that the gateway's own events do not get through, so that the row of docs/proxies.md is needed.
func (v visit) holds() {
	begun := time.Now()
	came := make(chan error, 1)
	go func() {
		e, err := v.via.hear(v.client, "/events?project=42")
		if err == nil {
			err = e.seen("heartbeat", 1)
		}
		came <- err
	}()
	select {
	case err := <-came:
		v.Errorf("after %v a heartbeat came through (%v): then docs/proxies.md asks for too much", time.Since(begun), err)
	case <-time.After(3 * time.Second): // the heartbeat is due after one
	}
}

// firstByte checks that the hello comes before the next event does.
func (v visit) firstByte() {
	const tries = 3 // a busy machine may look at the hello late
	for range tries {
		begun := time.Now()
		e := v.open()
		if err := e.seen("padding", 1); err != nil {
			v.Fatal(err)
		}
		first := time.Since(begun)
		e.leave()
		if e.counts["heartbeat"] == 0 {
			v.Logf("the hello comes after %v", first.Round(time.Millisecond))
			return
		}
	}
	v.Error("the hello comes no earlier than the heartbeat after it")
}

// events checks that news waits for nothing: the next heartbeat is minutes away.
func (v visit) events() {
	e := v.open()
	defer e.leave()
	if err := e.seen("heartbeat", 1); err != nil {
		v.Fatal(err)
	}
	longest := time.Duration(0)
	for n := range int64(5) {
		for _, project := range []string{"42", "7", "9"} {
			begun := time.Now()
			v.r.news(fmt.Sprintf("%s@%d", project, n+1))
			if err := e.at(project, n+1); err != nil {
				v.Fatal(err)
			}
			longest = max(longest, time.Since(begun))
		}
	}
	v.Logf("news comes after %v at most", longest.Round(100*time.Microsecond))
	if n := e.counts["heartbeat"]; n != 1 {
		v.Errorf("%d heartbeats: news may have come with them", n)
	}
}

// session checks that a page of the proxy's origin gets its cookie.
func (v visit) session() {
	origin := strings.TrimSuffix(v.via.url, base)
	for _, site := range []string{"", "same-origin"} { // the first as browsers do over plain HTTP
		want := http.StatusNoContent
		if v.route.origin && site == "" {
			want = http.StatusForbidden
		}
		resp, err := v.client.Do(v.via.request(v.Context(), http.MethodPost, "/session", "", "Origin: "+origin, "Sec-Fetch-Site: "+site))
		if err != nil {
			v.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			v.Errorf("/session, Sec-Fetch-Site %q: %d, not %d", site, resp.StatusCode, want)
		}
		if cookie := resp.Header.Get("Set-Cookie"); want == http.StatusNoContent && strings.Contains(cookie, "Secure") != v.route.tls {
			v.Errorf("the cookie is %q", cookie)
		}
	}
}

// crowd is how many streams the route has room for.
func (v visit) crowd() int {
	if v.http2 && v.route.many2 > 0 {
		return v.route.many2
	}
	return cmp.Or(v.route.many, 160)
}

// many checks that many streams get news, and that the gateway hears of each that leaves.
func (v visit) many() {
	n := v.crowd()
	all := v.via.crowd(v.client, n, "/events?project=42&project=7")
	v.r.news("42@11", "7@11", "42@12")
	v.via.each(n, func(i int) error {
		if err := all[i].at("42", 12); err != nil {
			return err
		}
		return all[i].at("7", 11)
	})
	for _, e := range all[1:] {
		e.leave()
	}
	writes := 0
	for ; v.r.streams() > 1 && writes < 100; writes++ {
		wait := 100 * time.Millisecond
		if v.http2 {
			wait = time.Second // it tells the gateway without being written to
		}
		for until := time.Now().Add(wait); v.r.streams() > 1 && time.Now().Before(until); {
			time.Sleep(5 * time.Millisecond)
		}
		v.r.news(fmt.Sprintf("42@%d", 13+writes))
	}
	v.Logf("that %d of %d streams were closed is known after %d writes", n-1, n, writes)
	if writes == 100 {
		v.Errorf("%d streams are left", v.r.streams())
	}
	all[0].leave()
}

// reloads checks that a user who reloads a page gets a stream each time, though no proxy says that the last one is closed.
func (v visit) reloads() {
	v.r.apply(func(s *gateway.Settings) { s.Limits.StreamsPerSubject = 3 })
	for range 6 {
		e := v.open(as("ann"))
		if err := e.seen("padding", 1); err != nil {
			v.Fatal(err)
		}
		e.leave()
	}
	e := v.open(as("bob"))
	defer e.leave()
	v.r.until(func() bool { return v.r.streams() <= 5 }) // three, that of bob, and one of many that nothing is written to
	if e.goodbye != "" {
		v.Errorf("another user gets %s", e.goodbye)
	}
	v.r.apply(func(s *gateway.Settings) { s.Limits.StreamsPerSubject = 0 })
}

// idle checks that heartbeats alone keep a stream, for 90 s.
func (v visit) idle() {
	if !long {
		return
	}
	const silence = 90 * time.Second
	e := must[*ear](v.T)(v.via.hearFor(silence+patience, v.client, "/events?project=9"))
	v.r.apply(func(s *gateway.Settings) { s.Policy.Heartbeat = 25 * time.Second })
	time.AfterFunc(silence, func() { v.r.news("9@99") })
	if err := e.at("9", 99); err != nil {
		v.Fatal(err)
	}
	if n := e.counts["heartbeat"]; n < 4 {
		v.Errorf("%d heartbeats in %v", n, silence)
	}
	e.leave()
}

// drain checks that each stream gets its goodbye, and ends cleanly.
func (v visit) drain() {
	n := min(10, max(1, v.crowd()-3)) // some that have left are not known to have
	all := v.via.crowd(v.client, n, "/events?project=42")
	drained := v.r.drains()
	v.via.each(n, func(i int) error { return all[i].end() })
	for _, e := range all {
		if e.goodbye != "drain" {
			v.Errorf("a stream ends with %q after %v", e.goodbye, e.counts)
		}
	}
	<-drained
	v.r.none()
}
