//go:build unix

package web_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"nudge/web"
	"nudge/web/enginetest"
)

// ways are the pages that docs/browser.md shows, by how they load the shim. Each has its gateway in %[1]s.
var ways = map[string]string{
	"loader": `<script>` + script("nudge.loader.js") + `</script>
<script>began = performance.now(); nudge({ src: '%[1]s/nudge.js', projects: { 42: 100 }, interval, poll }).then((nudge) => (window.instance = nudge))</script>`,

	// The package in a bundle, or a copy of the file, is a module of the application either way.
	"copy": `<script type="module">
import { createNudge } from '/nudge.js'
began = performance.now()
window.instance = createNudge({ gateway: '%[1]s', projects: { 42: 100 }, interval, poll })
</script>`,

	"attributes": `<script src="/nudge.global.js" data-gateway="%[1]s" data-projects="42@100" data-interval="1000" defer></script>
<script>
document.addEventListener('nudge:poll', (event) => event.waitUntil(poll(event.detail)))
document.addEventListener('DOMContentLoaded', () => (began = performance.now(), window.instance = Nudge.page))
</script>`,
}

// waysHead is the application's own part of these pages: its interval, and the poll that it had before.
const waysHead = `<!doctype html><meta charset="utf-8"><title>page</title>
<script>
var interval = 1000
var began // to poll
var polls = []
var polling = 0
var crowd = 0 // polls at the same time
var instance
async function poll({ reason, projects, signal }) {
  const poll = { reason, at: performance.now() }
  polls.push(poll)
  crowd = Math.max(crowd, ++polling)
  try {
    const answer = await fetch('/changes?since=' + projects[42].have, { signal })
    return { versions: { 42: (await answer.json()).version } }
  } finally {
    polling--
    poll.end = performance.now()
  }
}
var provenAt
setInterval(() => { if (instance?.getSnapshot().stream === 'proven') provenAt ??= performance.now() }, 50)
// The waits for polls while the page had no push. When it got push, a poll may have been under way.
window.waits = () => [...polls.filter(({ at }) => at < provenAt), { at: provenAt }]
  .map(({ at }, i) => Math.max(0, at - (i > 0 ? polls[i - 1].end ?? at : began)))
</script>
`

// frames has a frame for each page, all of which are shown. A browser may hide tabs, and then their timers are late.
const frames = `<!doctype html><meta charset="utf-8"><title>frames</title>
<script>
const show = (name) => {
  const frame = document.createElement('iframe')
  frame.name = name
  frame.src = name
  document.body.append(frame)
  return true
}
window.stall = 0
let beat = performance.now()
setInterval(() => {
  stall = Math.max(stall, performance.now() - beat - 50)
  beat = performance.now()
}, 50)
window.state = () => JSON.stringify([...document.querySelectorAll('iframe')].map(({ name, contentWindow: w }) => [name, w.polls?.slice(-5), w.instance?.getSnapshot()]))
</script><body>`

func script(name string) string {
	for _, f := range web.Files() {
		if f.Name == name {
			return string(f.Content)
		}
	}
	panic("there is no " + name)
}

// absent are gateways that do not answer as they should, until back is called. Each has the scripts that gateways serve.
var absent = map[string]func(t *testing.T) (f *faulty, back func()){
	"stopped": func(t *testing.T) (*faulty, func()) {
		f := newFaulty(t, good)
		f.speed.Store(1) // that of these pages
		address := f.Listener.Addr().String()
		f.Listener.Close()
		f.URL = "http://" + address
		return f, func() {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			f.Listener = listener
			f.URL = "" // for Start
			f.Start()
		}
	},
	"502": disturbed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<h1>502 Bad Gateway</h1>")
	}),
	"hanging": disturbed(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
	"hanging within the answer": disturbed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, script("nudge.js")[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}),
	"reset":   disturbed(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	"captive": disturbed(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>Log in</title>") }),
}

// disturbed is a gateway in whose place something else answers.
func disturbed(answer http.HandlerFunc) func(t *testing.T) (*faulty, func()) {
	return func(t *testing.T) (*faulty, func()) {
		var away atomic.Bool
		away.Store(true)
		f := newFaulty(t, good)
		f.speed.Store(1)
		gateway := f.Config.Handler
		f.Config.Handler = crossOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() {
				answer(w, r)
				return
			}
			gateway.ServeHTTP(w, r)
		}))
		f.Start()
		return f, func() {
			away.Store(false)
			f.CloseClientConnections() // what hangs would hang on
		}
	}
}

// A page that is loaded while the gateway is away polls at its own pace, in each way that the shim is loaded. When the gateway is
// there, the page has push. At no time two loops poll.
func TestLoading(t *testing.T) {
	type visit struct {
		name    string
		gateway *faulty
		back    func()
	}
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		var visits []visit
		app := newFaulty(t, good)
		app.pages = map[string]string{"/frames": frames}
		for how, start := range absent {
			for way, page := range ways {
				gateway, back := start(t)
				name := strings.ReplaceAll(way+" "+how, " ", "-")
				app.pages["/"+name] = waysHead + fmt.Sprintf(page, gateway.URL)
				visits = append(visits, visit{name, gateway, back})
			}
		}
		app.Start()
		tab := b.Open(t, app.URL+"/frames")
		for _, v := range visits {
			enginetest.Eval[bool](tab, fmt.Sprintf("show(%q)", v.name))
		}
		for _, v := range visits {
			tab.Until(fmt.Sprintf("frames[%q].polls?.length > 3", v.name))
		}
		for _, v := range visits {
			v.back()
		}
		for _, v := range visits {
			t.Run(v.name, func(t *testing.T) {
				tab := tab.For(t)
				frame := fmt.Sprintf("frames[%q]", v.name)
				tab.Until(frame + ".provenAt")
				slack := float64(stalled(tab).Milliseconds())
				waits := enginetest.Eval[[]float64](tab, frame+".waits()")
				if longest := slices.Max(waits); longest > 2400+slack {
					t.Errorf("%.0f ms without a poll; the waits were %.0f", longest, waits)
				}
				elapsed := 0.0
				for _, wait := range waits {
					elapsed += wait
				}
				if most := elapsed/800 + 2; float64(len(waits)) > most {
					t.Errorf("%d polls in %.0f ms, where %.0f are the page's pace; the waits were %.0f", len(waits), elapsed, most, waits)
				}
				newest := app.commit(nil)
				v.gateway.repeat(newest)
				tab.Until(fmt.Sprintf("%s.instance.getSnapshot().versions[42] === %d", frame, newest))
				if crowd := enginetest.Eval[int](tab, frame+".crowd"); crowd > 1 {
					t.Errorf("%d polls at the same time", crowd)
				}
			})
		}
	})
}

// The loader stands in pages with a policy by its hash. Where that forbids the file, the page's polls go on.
func TestLoader(t *testing.T) {
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		gateway := started(t, good)
		gateway.speed.Store(1)
		page := strings.ReplaceAll(waysHead+fmt.Sprintf(ways["loader"], gateway.URL), "<script>", `<script nonce="n1">`)
		page = strings.Replace(page, `<script nonce="n1">`+script("nudge.loader.js"), "<script>"+script("nudge.loader.js"), 1)
		inline := "'nonce-n1' '" + integrity("nudge.loader.js") + "'"
		for name, c := range map[string]struct{ policy, until string }{
			"allowed":            {"script-src " + inline + " " + gateway.URL + "; connect-src 'self' " + gateway.URL, "provenAt"},
			"script not allowed": {"script-src " + inline + "; connect-src 'self' " + gateway.URL, "polls.length > 4 && !instance"},
			"fetch not allowed":  {"script-src " + inline + " " + gateway.URL + "; connect-src 'self'", "polls.length > 4 && instance?.getSnapshot().stream !== 'proven'"},
		} {
			t.Run(name, func(t *testing.T) {
				app := newFaulty(t, good)
				app.policy, app.pages = c.policy, map[string]string{"/": page}
				app.Start()
				tab := b.Open(t, app.URL)
				tab.Until(c.until)
			})
		}
	})
}

func integrity(name string) string {
	for _, f := range web.Files() {
		if f.Name == name {
			return f.Integrity()
		}
	}
	panic("there is no " + name)
}
