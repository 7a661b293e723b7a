//go:build unix

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"nudge/cmd/nudge/config"
	"nudge/gateway"
	"nudge/version"
	"nudge/web"
	"nudge/web/enginetest"
)

// olderShim is the shim of commit 40db558, which sends its token as Authorization and checks no caller.
//
//go:embed testdata/older/nudge.js
var olderShim []byte

// kinds is one web server with the sites of this file, each by its name, and the gateways behind them.
type kinds struct {
	*httptest.Server
	t    *testing.T
	port string

	mu  sync.Mutex
	log strings.Builder // of the gateways
}

// Write takes lines of the gateways' logs.
func (k *kinds) Write(line []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.log.Write(line)
}

const (
	kindsPage  = `<!doctype html><meta charset="utf-8"><title>page</title><script type="module">` + kindsScript + `</script>`
	strictPage = `<!doctype html><meta charset="utf-8"><title>page</title><script type="module" src="/page.js"></script>`
	// passingWorker is a service worker that answers each request of its pages by making it.
	passingWorker = `addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => event.respondWith(fetch(event.request)))`
)

const kindsScript = `
const asked = new URLSearchParams(location.search)
const said = (window.said = [])
const warn = console.warn
console.warn = (...text) => (said.push(text.join(' ')), warn(...text))
if (asked.has('worker')) {
  await navigator.serviceWorker.register('/worker/worker.js')
  if (!navigator.serviceWorker.controller) await new Promise((done) => navigator.serviceWorker.addEventListener('controllerchange', done))
}
const { createNudge } = await import(asked.get('shim') ?? '/nudge.js')
const subject = asked.get('subject') ?? 'ann'
window.state = () => JSON.stringify([nudge.getSnapshot(), said])
window.nudge = createNudge({
  projects: { [subject]: 1 },
  gateway: asked.get('gateway') ?? undefined,
  interval: 1000,
  getToken: async () => (await fetch((asked.get('application') ?? '') + '/token?subject=' + subject)).text(),
  poll() {},
}, { document: { visibilityState: 'visible', addEventListener() {} } }) // however many tabs are in front of it
`

// newKinds starts the server. Gateways have only the memory as source, and no wait.
func newKinds(t *testing.T, react reactSite) *kinds {
	k := &kinds{t: t}
	k.Server = httptest.NewUnstartedServer(nil)
	_, k.port, _ = strings.Cut(k.Listener.Addr().String(), ":")
	root := k.gateway(func(*config.Config) {})
	below := k.gateway(func(c *config.Config) { c.BasePath = "/push" })
	site := http.NewServeMux()
	serve := func(pattern, kind, text, policy string) {
		site.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			if policy != "" {
				w.Header().Set("Content-Security-Policy", policy)
			}
			io.WriteString(w, text)
		})
	}
	serve("GET /{$}", "text/html", kindsPage, "")
	serve("GET /strict", "text/html", strictPage, "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'")
	serve("GET /page.js", "text/javascript", kindsScript, "")
	serve("GET /react", "text/html", react.page, "")
	serve("GET /react.js", "text/javascript", react.script, "")
	serve("GET /worker/{$}", "text/html", kindsPage, "")
	serve("GET /worker/worker.js", "text/javascript", passingWorker, "")
	site.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		subject := r.FormValue("subject")
		w.Header().Set("Access-Control-Allow-Origin", "*") // as an application that has pages of other origins
		io.WriteString(w, mint(t, tokenClaims{subject: subject, subscribe: []string{subject}}))
	})
	site.HandleFunc("GET /older.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(olderShim)
	})
	scripts := map[string]web.File{}
	for _, f := range web.Files() {
		scripts["/"+f.Name] = f
	}
	site.Handle("/push/", below)
	site.Handle("/rewritten/", http.StripPrefix("/rewritten", proxyWith(t, k.gateway(func(*config.Config) {}), func(r *http.Request) { r.Host = "127.0.0.1:8080" })))
	site.Handle("/older/", http.StripPrefix("/older", olderGateway(root)))
	site.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if f, ok := scripts[r.URL.Path]; ok {
			w.Header().Set("Content-Type", f.Type)
			w.Write(f.Content)
			return
		}
		root.ServeHTTP(w, r)
	})
	k.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":")
		switch {
		case host == "127.0.0.1": // as `nudge serve` printed it
			root.ServeHTTP(w, r)
		case host == "push.older.test":
			olderGateway(root).ServeHTTP(w, r)
		case host == "basic.test":
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="staging"`)
				http.Error(w, "login", http.StatusUnauthorized)
				return
			}
			fallthrough
		default:
			site.ServeHTTP(w, r)
		}
	})
	k.Start()
	t.Cleanup(k.CloseClientConnections)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(k.log.String())
		}
	})
	return k
}

// shim is the text of nudge.js.
func shim() string {
	files := web.Files()
	return string(files[slices.IndexFunc(files, func(f web.File) bool { return f.Name == "nudge.js" })].Content)
}

// gateway runs a gateway, and returns its handler.
func (k *kinds) gateway(change func(*config.Config)) http.Handler {
	c := config.Default()
	c.Auth.Secret = testSecret
	c.CORS.Origins = []string{"http://localhost:" + k.port, "http://*.example.test:" + k.port, enginetest.Extensions["chromium"], "moz-extension://*"}
	change(c)
	log := slog.New(slog.NewTextHandler(k, nil))
	o := gatewayOptions(c, log)
	o.Source = func(board *version.Board, host gateway.Host) (version.Source, error) {
		return version.NewMemory(board, version.MemoryOptions{Probe: c.Redis.Probe, Evidence: host.Evidence}), nil
	}
	g, err := gateway.New(o)
	if err != nil {
		k.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- g.Run(ctx) }()
	k.t.Cleanup(func() {
		stop()
		<-ran
	})
	return g.Handler()
}

// proxyWith is a proxy in front of a handler that changes requests.
func proxyWith(t *testing.T, next http.Handler, change func(*http.Request)) http.Handler {
	behind := httptest.NewServer(next)
	t.Cleanup(behind.Close)
	t.Cleanup(behind.CloseClientConnections)
	to, _ := url.Parse(behind.URL)
	return &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		change(r.Out)
	}}
}

// olderGateway is a gateway as it was before X-Nudge-Token: it does not see the header, and its preflights do not allow it.
func olderGateway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "x-nudge-token") {
			return
		}
		r.Header.Del("X-Nudge-Token")
		next.ServeHTTP(w, r)
	})
}

// Wherever a page is loaded from, its push is proven, in real browsers. Where that cannot be, its console and the log say so, once.
func TestKindsOfPages(t *testing.T) {
	t.Parallel()
	react := renderReact(t)
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKinds(t, react)
			browser := start(t, enginetest.Options{
				Hosts:     []string{"intranet.test", "basic.test", "push.other.test", "app.example.test", "push.example.test", "push.older.test"},
				Extension: map[string]string{"page.html": strictPage, "page.js": kindsScript, "nudge.js": shim()},
			})
			at := func(host string) string { return "http://" + host + ":" + k.port }
			browser.Open(t, "http://ann:secret@basic.test:"+k.port+"/token?subject=ann").Close() // the user has given the password
			pages := map[string]*enginetest.Tab{}                                                // up to four streams a host: browsers open six connections over HTTP/1.1
			for kind, address := range map[string]string{
				"plain HTTP off loopback":             at("intranet.test") + "/?",
				"below a base path":                   at("intranet.test") + "/?gateway=/push&subject=below",
				"behind Basic auth":                   at("basic.test") + "/?",
				"localhost, the gateway by address":   at("localhost") + "/?gateway=" + at("127.0.0.1"),
				"a gateway on a sub-domain":           at("app.example.test") + "/?gateway=" + at("push.example.test"),
				"a strict Content Security Policy":    at("localhost") + "/strict?",
				"a service worker":                    at("localhost") + "/worker/?worker&subject=worker",
				"a gateway on another site":           at("app.example.test") + "/?gateway=" + at("push.other.test"),
				"a proxy that changes Host":           at("localhost") + "/?gateway=" + at("localhost") + "/rewritten",
				"a scheme of its own":                 enginetest.Extensions[name] + "/page.html?application=" + at("localhost") + "&gateway=" + at("localhost"),
				serverRendered:                        at("app.example.test") + "/react",
				"an older shim":                       at("app.example.test") + "/?shim=/older.js",
				"an older gateway":                    at("localhost") + "/?gateway=" + at("localhost") + "/older",
				"an older gateway on another site":    at("app.example.test") + "/?gateway=" + at("push.older.test"),
				"another user in another tab":         at("intranet.test") + "/?subject=bob",
				"a third user, with the same gateway": at("intranet.test") + "/?subject=eve",
			} {
				if kind == serverRendered && react.script == "" {
					continue
				}
				pages[kind] = browser.Open(t, address)
			}
			lost := map[string]*enginetest.Tab{}
			for sentence, address := range map[string]string{ // what their consoles say, once
				"no answer of " + at("push.other.test") + " reaches this page: it is away, its cors.origins lack " + at("intranet.test"): at("intranet.test") + "/?gateway=" + at("push.other.test"),
				"or the page's Content-Security-Policy lacks it in connect-src":                                                          at("app.example.test") + "/strict?gateway=" + at("push.other.test"),
				at("app.example.test") + "/nowhere answers, but not as a gateway: check the option":                                      at("app.example.test") + "/?gateway=" + at("app.example.test") + "/nowhere",
				"may not do that here, where Host is 127.0.0.1:8080; if the page is yours, add its origin to cors.origins":               at("intranet.test") + "/?gateway=" + at("intranet.test") + "/rewritten",
			} {
				lost[sentence] = browser.Open(t, address)
			}
			for kind, page := range pages {
				t.Log(kind)
				page.Until("window.nudge?.getSnapshot().stream === 'proven'")
				if kind == serverRendered { // which had rendered the first, before the page hydrated
					page.Until("window.rendered === 'starting' && document.querySelector('main').textContent === 'streaming'")
				}
				var snapshot struct {
					Behind int
					Reason string
				}
				state := enginetest.Eval[string](page, "JSON.stringify(nudge.getSnapshot())")
				if err := json.Unmarshal([]byte(state), &snapshot); err != nil || snapshot.Reason != "streaming" {
					t.Errorf("%s: %s", kind, state)
				}
				if said := enginetest.Eval[string](page, "said.filter((text) => text.startsWith('nudge:')).join()"); said != "" {
					t.Errorf("%s: the console says %s", kind, said)
				}
			}
			for sentence, page := range lost {
				page.Until("window.said.some((text) => text.startsWith('nudge:'))")
				if said := enginetest.Eval[[]string](page, "said.filter((text) => text.startsWith('nudge:'))"); len(said) != 1 || !strings.Contains(said[0], sentence) {
					t.Errorf("the console says %q, not %q", said, sentence)
				}
			}
			k.mu.Lock()
			defer k.mu.Unlock()
			for _, origin := range []string{"origin=" + at("intranet.test") + " host=push.other.test", "origin=" + at("intranet.test") + " host=127.0.0.1:8080"} {
				if n := strings.Count(k.log.String(), origin); n != 1 {
					t.Errorf("the log names %s %d times, not once", origin, n)
				}
			}
		})
	}
}

// The next user of a browser never hears as the last one: after a log-out the cookie is gone, and a page without a token gets
// no stream.
func TestNextUserHearsNothing(t *testing.T) {
	t.Parallel()
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKinds(t, reactSite{})
			browser := start(t, enginetest.Options{Hosts: []string{"intranet.test"}})
			page := browser.Open(t, fmt.Sprintf("http://intranet.test:%s/?subject=ann", k.port))
			page.Until("window.nudge?.getSnapshot().stream === 'proven'")
			const status = `fetch('/versions?project=ann').then((r) => (window.status = r.status)), true`
			enginetest.Eval[bool](page, "window.status = 0, "+status)
			page.Until("window.status == 200")
			enginetest.Eval[bool](page, "nudge.setToken(null), true")
			page.Until("nudge.getSnapshot().stream === 'none'")
			// The DELETE may still be on its way.
			page.Until("(window.status == 401) || (" + status + ", false)")
			enginetest.Eval[bool](page, "nudge.stop(), true")
			page.Navigate(fmt.Sprintf("http://intranet.test:%s/?subject=bob", k.port))
			page.Until("window.nudge?.getSnapshot().stream === 'proven'")
			if reason := enginetest.Eval[string](page, "nudge.getSnapshot().reason"); reason != "streaming" {
				t.Errorf("bob: %s", reason)
			}
			enginetest.Eval[bool](page, "window.status = 0, "+status)
			page.Until("window.status == 403")
		})
	}
}
