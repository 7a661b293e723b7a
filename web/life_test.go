//go:build unix

package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nudge/web/enginetest"
)

func TestMain(m *testing.M) {
	end := enginetest.Share()
	code := m.Run()
	end()
	os.Exit(code)
}

// inEach runs a test in every browser, side by side.
func inEach(t *testing.T, o enginetest.Options, test func(*testing.T, *enginetest.Browser)) {
	t.Parallel()
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, o))
		})
	}
}

// visit opens a page of f whose instance has this gateway; more are parameters of its URL.
func visit(t *testing.T, b *enginetest.Browser, f *faulty, gateway string, more ...string) *enginetest.Tab {
	t.Helper()
	return b.Open(t, address(f, gateway, more...))
}

func address(f *faulty, gateway string, more ...string) string {
	return fmt.Sprintf("%s/?gateway=%s&speed=%d&%s", f.URL, url.QueryEscape(gateway), f.speed.Load(), strings.Join(more, "&"))
}

// started is a gateway that serves pages, and such streams.
func started(t *testing.T, streams ...func(*exchange)) *faulty {
	f := newFaulty(t, streams...)
	f.Start()
	return f
}

// until waits for a condition on the state s of a page's instance c.
func until(tab *enginetest.Tab, condition string) {
	tab.Until("window.cases?.page && ((c) => { const s = { ...c.now, ...c.nudge.getSnapshot().stats }; return " + condition + " })(cases.page)")
}

// hears makes a version, and waits until a page has it.
func hears(f *faulty, tabs ...*enginetest.Tab) {
	v := f.commit(nil)
	for _, tab := range tabs {
		until(tab, fmt.Sprintf("s.has === %d", v))
	}
}

// Whatever people, browsers and networks do to a page, it polls, and has its news.
func TestLife(t *testing.T) {
	inEach(t, enginetest.Options{Hosts: []string{"app.test"}}, func(t *testing.T, b *enginetest.Browser) {
		for name, test := range map[string]func(*testing.T, *enginetest.Browser){
			"back":                    back,
			"service worker":          serviceWorker,
			"content security policy": contentSecurityPolicy,
			"insecure origin":         insecureOrigin,
			"HTTP/2":                  overHTTP2,
			"offline":                 offline,
			"fetch transport":         fetchTransport,
			"many projects":           manyProjects,
			"flag":                    flag,
			"log-out":                 logOut,
		} {
			t.Run(name, func(t *testing.T) { test(t, b) })
		}
	})
}

// A page that is left and come back to, from the cache or loaded again, polls and has a stream.
func back(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	tab := visit(t, b, f, f.URL)
	until(tab, proven)
	tab.Navigate(f.URL + "/another")
	v := f.commit(nil)
	tab.Back()
	until(tab, fmt.Sprintf("%s && s.has === %d", proven, v))
	t.Logf("from the cache: %t", enginetest.Eval[bool](tab, "!!window.restored"))
	hears(f, tab)
}

// A service worker that passes everything on changes nothing; one that answers in the gateway's place costs the page its
// stream, and not its polls.
func serviceWorker(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	f.workers = map[string]string{
		"/passes.js":  "onfetch = (event) => event.respondWith(fetch(event.request))",
		"/answers.js": "onfetch = (event) => event.respondWith(event.request.url.includes('/events') ? new Response('', { status: 503 }) : fetch(event.request))",
	}
	const register = "navigator.serviceWorker.register(%q).then(() => navigator.serviceWorker.ready).then(() => true)"
	const controlled = "navigator.serviceWorker.controller?.state === 'activated'"
	tab := b.Open(t, f.URL)
	enginetest.Eval[bool](tab, fmt.Sprintf(register, "/passes.js"))
	tab.Navigate(address(f, f.URL))
	tab.Until(controlled)
	until(tab, proven)
	hears(f, tab)

	enginetest.Eval[bool](tab, "navigator.serviceWorker.getRegistrations().then((all) => Promise.all(all.map((r) => r.unregister()))).then(() => true)")
	tab.Navigate(f.URL)
	enginetest.Eval[bool](tab, fmt.Sprintf(register, "/answers.js"))
	tab.Navigate(address(f, f.URL))
	tab.Until(controlled)
	until(tab, "s.streams > 2")
	hears(f, tab)
	if enginetest.Eval[bool](tab, "cases.page.states.some((s) => s.stream === 'proven')") {
		t.Error("its stream was proven")
	}
}

// A policy that forbids the gateway costs the page push, and nothing else.
func contentSecurityPolicy(t *testing.T, b *enginetest.Browser) {
	pages, gateway := started(t, good), started(t, good)
	pages.policy = "default-src 'self'; script-src 'self' 'unsafe-inline'; connect-src 'self'"
	tab := visit(t, b, pages, gateway.URL)
	until(tab, "s.reason === 'unreachable' && c.polls.length > 3")
	v := pages.commit(nil)
	until(tab, fmt.Sprintf("s.has === %d", v))
	if count(gateway, func(f *faulty) int { return f.opened }) > 0 {
		t.Error("the gateway was reached")
	}
	pages.policy += " " + gateway.URL
	tab.Navigate(address(pages, gateway.URL))
	until(tab, proven)
}

// On an origin without HTTPS there are no locks; each tab has a stream of its own.
func insecureOrigin(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	f.URL = strings.Replace(f.URL, "127.0.0.1", "app.test", 1)
	one, two := visit(t, b, f, f.URL, "scope=alice"), visit(t, b, f, f.URL, "scope=alice")
	for _, tab := range []*enginetest.Tab{one, two} {
		until(tab, proven+" && !isSecureContext && c.nudge.getSnapshot().role === 'solo'")
	}
	hears(f, one, two)
}

// Over HTTP/2 streams take no connection from anything else: twelve of them to the origin of the page.
func overHTTP2(t *testing.T, b *enginetest.Browser) {
	f := newFaulty(t, good)
	f.EnableHTTP2 = true
	f.StartTLS()
	tab := visit(t, b, f, f.URL)
	for i := range 11 {
		enginetest.Eval[bool](tab, fmt.Sprintf("begin('%d', %q)", i, f.URL))
	}
	tab.Until("Object.values(cases).every((c) => c.now.stream === 'proven')")
	hears(f, tab)
	if protos := slices.Collect(maps.Keys(count(f, func(f *faulty) map[string]bool { return maps.Clone(f.protos) }))); !slices.Equal(protos, []string{"HTTP/2.0"}) {
		t.Errorf("it was asked by %v", protos)
	}
}

// Offline the polls fail and the page waits; online again it polls at once.
func offline(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	tab := visit(t, b, f, f.URL)
	until(tab, proven)
	tab.Offline(true)
	enginetest.Eval[bool](tab, "(cases.page.nudge.refresh(), true)")
	until(tab, "s.failedPolls > 0")
	v := f.unheard()
	tab.Offline(false)
	until(tab, fmt.Sprintf("s.has === %d && %s", v, proven))
	hears(f, tab)
}

// The transport over fetch brings the token to a gateway of another site, after the browser has asked for permission.
func fetchTransport(t *testing.T, b *enginetest.Browser) {
	pages, gateway := started(t, good), started(t, short, status(http.StatusServiceUnavailable), good)
	pages.URL = strings.Replace(pages.URL, "127.0.0.1", "app.test", 1)
	tab := b.Open(t, pages.URL)
	tab.Until("window.begin")
	enginetest.Eval[bool](tab, fmt.Sprintf("begin('page', %q, { transport: transports.fetchStream(), getToken: () => 't1' })", gateway.URL))
	until(tab, proven+" && s.streams > 2")
	hears(gateway, tab)
	if tokens := count(gateway, func(f *faulty) map[string]bool { return maps.Clone(f.tokens) }); !tokens["Bearer t1"] {
		t.Errorf("the tokens were %v", tokens)
	}
}

// A page with more projects than a stream takes has several, and hears them as one, by itself or through the tabs' leader.
func manyProjects(t *testing.T, b *enginetest.Browser) {
	f := started(t, func(x *exchange) {
		marks := x.request.URL.Query()["project"]
		if len(marks) > 64 {
			x.WriteHeader(http.StatusBadRequest)
			return
		}
		versions := object{}
		for _, mark := range marks {
			id, _, _ := strings.Cut(mark, "@")
			versions[id] = 100
		}
		x.start()
		x.run(0, func(name string, data object) {
			if name == "hello" {
				newest := data["versions"].(object)["42"]
				if versions["42"] != nil {
					versions["42"] = newest
				}
				data["versions"] = versions
			}
			if name != "version" || versions["42"] != nil {
				x.send(name, data)
			}
		})
	})
	for _, transport := range []string{"multi(undefined, virtual)", "multi(tabs({ scope: 'alice' }), virtual)"} {
		tab := b.Open(t, f.URL)
		tab.Until("window.begin")
		enginetest.Eval[bool](tab, fmt.Sprintf("(({ multi, tabs }) => begin('page', %q, { transport: %s, projects: Object.fromEntries([[42, 100], ...Array.from({ length: 149 }, (_, i) => ['p' + i, 100])]) }))(transports)", f.URL, transport))
		until(tab, proven+" && s.mode === 'push'")
		if open := count(f, func(f *faulty) int { return len(f.live) }); open != 3 {
			t.Errorf("%s: %d streams are open, for 150 projects", transport, open)
		}
		hears(f, tab)
		f.cut()
		until(tab, "s.stream === 'waiting'")
		until(tab, proven)
		hears(f, tab)
		tab.Close()
		f.until(t, "no stream is left", func() bool { return len(f.live) == 0 })
	}
}

// Push that is switched off costs a page its stream and no poll; switched on again, it comes back by itself.
func flag(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	tab := visit(t, b, f, f.URL)
	until(tab, proven)
	f.switchOff()
	until(tab, "s.reason === 'off' && s.stream === 'none' && s.mode === 'poll'")
	opened := count(f, func(f *faulty) int { return f.opened })
	enginetest.Eval[bool](tab, "(cases.page.mark = cases.page.polls.length, true)")
	v := f.commit(nil)
	until(tab, fmt.Sprintf("s.has === %d && c.polls.length > c.mark + 3", v))
	if now := count(f, func(f *faulty) int { return f.opened }); now != opened {
		t.Errorf("%d streams were opened while push was off", now-opened)
	}
	f.off.Store(false)
	until(tab, proven)
	hears(f, tab)
}

// Logged out, a page has no stream, and polls on; whoever logs in then gets a stream with a session of their own.
func logOut(t *testing.T, b *enginetest.Browser) {
	f := started(t, good)
	tab := b.Open(t, f.URL)
	tab.Until("window.begin")
	enginetest.Eval[bool](tab, fmt.Sprintf("begin('page', %q, { getToken: () => 'alice' })", f.URL))
	until(tab, proven)
	enginetest.Eval[bool](tab, "(cases.page.nudge.setToken(null), cases.page.mark = cases.page.polls.length, true)")
	until(tab, "s.reason === 'token' && s.stream === 'none' && c.polls.length > c.mark + 3")
	f.until(t, "no stream is left", func() bool { return len(f.live) == 0 })
	enginetest.Eval[bool](tab, "(cases.page.nudge.setToken('bob'), true)")
	until(tab, proven)
	hears(f, tab)
	if got := count(f, func(f *faulty) []string { return slices.Clone(f.sessions) }); !slices.Equal(got, []string{"alice", "bob"}) {
		t.Errorf("sessions were begun with %q", got)
	}
}

// Ten minutes without news cost a poll a minute, and a version that push has missed is found by one and reported. From the
// beginning the page's time passes only when the test says so: on a machine that is busy for two seconds, a page that lives
// five times as fast would else wait ten for a poll, call itself crowded and give up its stream for minutes.
func TestSafetyPolls(t *testing.T) {
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		f := started(t, good)
		tab := b.Open(t, fmt.Sprintf("%s/?gateway=%s&speed=0", f.URL, url.QueryEscape(f.URL)))
		until(tab, "s.stream === 'open'")
		quiet := func(d time.Duration) {
			for ; d > 0; d -= heartbeat {
				enginetest.Eval[bool](tab, fmt.Sprintf("pass(%d).then(() => (cases.page.heard = cases.page.nudge.getSnapshot().stats.events, true))", min(d, heartbeat).Milliseconds()))
				f.beat()
				until(tab, "s.events > c.heard")
			}
		}
		quiet(3 * time.Second) // the stream is proven by a heartbeat that comes after its time
		until(tab, proven+" && s.mode === 'push'")
		quiet(2 * time.Minute) // whatever was due at first
		const polls = "cases.page.nudge.getSnapshot().stats.polls"
		before := enginetest.Eval[int](tab, polls)
		quiet(10 * time.Minute)
		// Each comes 60 s ± 20 % after the one before.
		if made := enginetest.Eval[int](tab, polls) - before; made < 8 || made > 13 {
			t.Errorf("%d polls in ten minutes: %s", made, enginetest.Eval[string](tab, "state()"))
		}
		v := f.unheard()
		quiet(2 * time.Minute)
		until(tab, fmt.Sprintf("s.has === %d && s.missed === 1", v))
		f.until(t, "a report", func() bool { return f.missed > 0 })
	})
}
