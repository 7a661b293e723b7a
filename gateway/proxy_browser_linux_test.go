package gateway_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"nudge/gateway"
	"nudge/web/enginetest"
)

const proxiedPage = `<!doctype html><meta charset="utf-8"><title>page</title><script type="module">
const said = (window.said = [])
console.warn = (...text) => said.push(text.join(' '))
const { createNudge } = await import('/push/nudge.js')
window.nudge = createNudge({
  projects: { 42: 1 }, gateway: '/push', interval: 1000, getToken: async () => (await fetch('/token')).text(), poll() {},
}, { document: { visibilityState: 'visible', addEventListener() {} } }) // however many tabs are in front of it
window.protocol = () => performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/push/nudge.js'))?.nextHopProtocol
window.state = () => JSON.stringify([nudge.getSnapshot(), said, protocol()])
</script>`

// A page with its application and its gateway behind the proxies of docs/proxies.md has push, in real browsers and over HTTP/2.
func TestBrowsersBehindProxies(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			io.WriteString(w, anybody)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, proxiedPage)
	}))
	t.Cleanup(app.Close)
	t.Cleanup(app.CloseClientConnections)
	r := wire(t, func(o *gateway.Options) {
		o.BasePath, o.Settings.Limits.TrustedProxies = base, networks("127.0.0.1/32")
	})
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			browser := start(t, enginetest.Options{})
			for _, p := range documented {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.hops = slices.Clone(p.hops)
					for i, h := range p.hops {
						p.hops[i] = withApplication(h, app.Listener.Addr())
					}
					page := browser.Open(t, p.start(t, r))
					page.Until("window.nudge?.getSnapshot().reason === 'streaming'")
					want := "http/1.1"
					if p.tls {
						want = "h2"
					}
					if got := enginetest.Eval[[]string](page, "[protocol(), ...said]"); !slices.Equal(got, []string{want}) {
						t.Errorf("the page says %q, want %s", got, want)
					}
				})
			}
		})
	}
}

// withApplication is the hop with the application at another address.
func withApplication(h hop, address net.Addr) hop {
	_, port, _ := net.SplitHostPort(address.String())
	return hop{h.program, func(dir, listen, next string) (string, error) {
		config, err := h.config(dir, listen, next)
		return strings.NewReplacer("127.0.0.1:3000", address.String(), `"3000"`, `"`+port+`"`).Replace(config), err
	}}
}
