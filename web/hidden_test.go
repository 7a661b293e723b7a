//go:build unix

package web_test

import (
	"fmt"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// seen tells a page that its tab is shown or hidden. Browsers without a window show all of their tabs.
const seen = `(Object.defineProperty(Document.prototype, 'visibilityState', { get: () => '%s', configurable: true }), document.dispatchEvent(new Event('visibilitychange')), true)`

// Over HTTP/1.1 a browser has six connections to a host, for all of its tabs: hidden tabs without a transport that shares streams
// let theirs go, so that the next page works at once. Shown again, they have their news.
func TestHiddenTabs(t *testing.T) {
	inEach(t, enginetest.Options{}, func(t *testing.T, b *enginetest.Browser) {
		f := started(t, good)
		var tabs []*enginetest.Tab
		for range 5 {
			tab := visit(t, b, f, f.URL)
			until(tab, proven)
			enginetest.Eval[bool](tab, fmt.Sprintf(seen, "hidden"))
			tabs = append(tabs, tab)
		}
		// Before that, a sixth page might find no connection for its polls, and its push would rest for minutes.
		for _, tab := range tabs {
			until(tab, "s.reason === 'hidden' && s.stream === 'none'")
		}
		shown := visit(t, b, f, f.URL)
		until(shown, proven)
		if open := count(f, func(f *faulty) int { return len(f.live) }); open != 1 {
			t.Errorf("%d streams are open, with one tab of six shown", open)
		}

		began := time.Now()
		seventh := visit(t, b, f, f.URL)
		until(seventh, "s.stream !== 'connecting'")
		if took := time.Since(began); took > 30*time.Second { // without a connection it would be minutes
			t.Errorf("the seventh page took %s", took)
		}
		until(seventh, proven)
		hears(f, shown, seventh)

		opened := count(f, func(f *faulty) int { return f.opened })
		enginetest.Eval[bool](tabs[0], "(dispatchEvent(new Event('online')), true)")
		enginetest.Eval[bool](tabs[1], fmt.Sprintf(seen, "visible"))
		until(tabs[1], proven)
		hears(f, tabs[1], shown)
		if more := count(f, func(f *faulty) int { return f.opened }) - opened; more != 1 {
			t.Errorf("%d streams were opened when one tab was shown", more)
		}
		if state := enginetest.Eval[string](tabs[0], "cases.page.nudge.getSnapshot().reason"); state != "hidden" {
			t.Errorf("a hidden tab that is online again is %s", state)
		}
	})
}
