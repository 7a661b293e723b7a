//go:build unix

package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// good is a stream as gateways give it.
func good(x *exchange) {
	x.start()
	x.run(0, x.send)
}

// short is one that breaks off after it was proven.
func short(x *exchange) {
	x.start()
	x.run(3*time.Second, x.send)
}

// status refuses a stream.
func status(code int) func(*exchange) {
	return func(x *exchange) { x.WriteHeader(code) }
}

// media answers with something that is no stream.
func media(kind string) func(*exchange) {
	return func(x *exchange) {
		x.Header().Set("Content-Type", kind)
		x.raw(event("hello", hello(100)))
		x.pass(time.Hour)
	}
}

// mute says this, and then nothing for ever.
func mute(text string) func(*exchange) {
	return func(x *exchange) {
		x.start()
		x.raw(text)
		x.pass(time.Hour)
	}
}

// buffered holds everything back, even the head, until it would be over.
func buffered(x *exchange) { x.pass(time.Hour) }

// behind holds each event back until the next one.
func behind(x *exchange) {
	x.start()
	held := ""
	x.run(0, func(name string, data object) {
		x.raw(held)
		held = event(name, data)
	})
}

// torn breaks within an event.
func torn(x *exchange) {
	x.start()
	x.run(3*time.Second, x.send)
	x.raw("event: version\ndata: {\"project\":\"42\",\"version\":4000,\"spr")
	panic(http.ErrAbortHandler)
}

// noise says all that a page has to bear, beside what it needs.
func noise(x *exchange) {
	x.start()
	x.raw("retry: 1\n: " + strings.Repeat("x", 10_000) + "\n\nid: 7\ndata: nameless\n\nevent: error\ndata: {}\n\nevent: tomorrow\ndata: {}\n\nevent: version\ndata: {\"project\":\n\n")
	x.run(0, x.send)
}

// scenario is something that happens between a page and its gateway.
type scenario struct {
	streams []func(*exchange)
	terms   func(n int, w http.ResponseWriter) bool
	// until is what the page comes to: a condition on its state s, before a version is made.
	until string
	// act happens then; nil: a version is made.
	act func(f *faulty)
	// never holds of none of its states.
	never string
	// polls is how many news may cost; 0: one.
	polls int
}

// slack is what timers and requests may be late by, in virtual ms, on a machine that is busy, and for a while may be more so.
func slack(tab *enginetest.Tab) float64 {
	return float64(speed) * float64(2*time.Second+stalled(tab)) / float64(time.Millisecond)
}

// stalled returns for how long at most nothing got on in the page, because the machine had other things to do.
func stalled(tab *enginetest.Tab) time.Duration {
	return time.Duration(enginetest.Eval[float64](tab, "stall") * float64(time.Millisecond))
}

const proven = "s.stream === 'proven'"

func scenarios() map[string]scenario {
	all := map[string]scenario{
		"headers only":        {streams: []func(*exchange){mute(""), good}, until: proven},
		"one byte, then mute": {streams: []func(*exchange){mute(":"), good}, until: proven},
		"hello, then mute":    {streams: []func(*exchange){mute(event("hello", hello(100))), good}, until: proven},
		"all streams mute": {
			streams: []func(*exchange){mute(event("hello", hello(100)))}, until: "s.rung === 'versions'", never: proven,
		},
		"held back until the next":  {streams: []func(*exchange){behind}, until: "s.rung === 'versions'", never: proven},
		"held back until the close": {streams: []func(*exchange){buffered}, until: "s.rung === 'versions'", never: proven},
		"reset within an event":     {streams: []func(*exchange){torn, good}, until: proven + " && s.streams > 1", never: "s.has === 4000"},
		"noise":                     {streams: []func(*exchange){noise}, until: proven},
		"text/html":                 {streams: []func(*exchange){media("text/html"), good}, until: proven},
		"text/plain":                {streams: []func(*exchange){media("text/plain"), good}, until: proven},
		"a captive network": {
			streams: []func(*exchange){media("text/html"), media("text/html"), good},
			terms: func(n int, w http.ResponseWriter) bool {
				if n < 2 {
					w.Header().Set("Content-Type", "text/html")
					fmt.Fprint(w, "<title>Log in</title>")
				}
				return n < 2
			},
			until: "c.states.some((s) => s.reason === 'captive') && " + proven,
		},
		"a lower version than mine": {
			streams: []func(*exchange){func(x *exchange) {
				x.start()
				x.run(0, func(name string, data object) {
					if name == "hello" {
						data["versions"] = object{"42": 90}
					}
					x.send(name, data)
				})
			}},
			until: proven, never: "s.has < 100",
		},
		"news twice, and out of order": {
			streams: []func(*exchange){good}, until: proven,
			act: func(f *faulty) {
				v := f.commit(nil)
				f.repeat(v, v-1, v, 3)
			},
		},
		"a replica that lags": {
			streams: []func(*exchange){good}, until: proven, polls: 6,
			act: func(f *faulty) {
				f.mu.Lock()
				f.lag = 3
				f.mu.Unlock()
				f.commit(nil)
			},
		},
	}
	// Whatever is no 200 ends an EventSource for good, and a script sees nothing of it.
	for _, code := range []int{204, 205, 301, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504} {
		all[fmt.Sprint(code, " at first")] = scenario{streams: []func(*exchange){status(code), good}, until: proven}
		all[fmt.Sprint(code, " later")] = scenario{
			streams: []func(*exchange){short, status(code), good}, until: proven + " && s.streams > 2",
		}
	}
	return all
}

// Whatever happens to its stream, a page polls on at its old pace until push is proven, comes back by itself, and then has a
// version that is made as soon as it is announced.
func TestStreamFaults(t *testing.T) {
	for name, start := range enginetest.All {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			browser := start(t, enginetest.Options{})
			pages := newFaulty(t)
			pages.Start()
			tab := browser.Open(t, pages.URL)
			tab.Until("window.begin")
			gateways := map[string]*faulty{}
			for name, s := range scenarios() {
				f := newFaulty(t, s.streams...)
				f.terms = s.terms
				f.Start()
				gateways[name] = f
				enginetest.Eval[bool](tab, fmt.Sprintf("begin(%q, %q)", name, f.URL))
			}
			for name, s := range scenarios() {
				t.Run(name, func(t *testing.T) {
					of := func(condition string) string {
						return fmt.Sprintf("((c) => { const s = { ...c.now, streams: c.nudge.getSnapshot().stats.streams }; return %s })(cases[%q])", condition, name)
					}
					tab := tab.For(t)
					tab.Until(of(s.until))
					f := gateways[name]
					enginetest.Eval[bool](tab, of("(c.made = c.nudge.getSnapshot().stats.newsPolls, true)"))
					began := time.Now()
					if s.act == nil {
						f.commit(nil)
					} else {
						s.act(f)
					}
					v, _ := f.newest()
					tab.Until(of(fmt.Sprintf("s.has === %d", v)))
					// At once where push is proven, with the next poll at the old pace where it is not; no safety poll is as soon.
					at := enginetest.Eval[int64](tab, of(fmt.Sprintf("c.got.find((got) => got.version === %d).at", v)))
					if late := float64(speed * time.UnixMilli(at).Sub(began).Milliseconds()); late > 2400+slack(tab) {
						t.Errorf("the version came %.0f ms after it was made", late)
					}
					if got := enginetest.Eval[int](tab, of("c.nudge.getSnapshot().stats.newsPolls - c.made")); got > max(1, s.polls) {
						t.Errorf("%d polls for the news, %d are enough", got, max(1, s.polls))
					}
					if s.never != "" && enginetest.Eval[bool](tab, of("c.states.some((s) => "+s.never+")")) {
						t.Errorf("%s held: %s", s.never, enginetest.Eval[string](tab, of("JSON.stringify(c.states)")))
					}
					// Push may make polls rarer, never absent: a page without it has its old pace, of 2 s ± 20 %.
					pace := enginetest.Eval[struct{ Longest, Made, Most float64 }](tab, of("pace(c)"))
					if pace.Longest > 2400+slack(tab) {
						t.Errorf("%.0f ms without push and without a poll", pace.Longest)
					}
					if pace.Made > pace.Most {
						t.Errorf("%.0f polls, where %.0f are its pace", pace.Made, pace.Most)
					}
				})
			}
		})
	}
}
