//go:build unix

package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nudge/web/enginetest"
)

// crowd are tabs of one user, who share a stream.
type crowd struct {
	t       *testing.T
	browser *enginetest.Browser
	gateway *faulty
	tabs    []*enginetest.Tab
}

// gathered opens so many tabs, and waits until all go by push. Time does not run faster in here: what tabs do with each other
// has its own timers.
func gathered(t *testing.T, b *enginetest.Browser, tabs int) *crowd {
	t.Helper()
	f := started(t, good)
	f.speed.Store(1)
	c := &crowd{t: t, browser: b, gateway: f}
	for range tabs {
		c.tabs = append(c.tabs, visit(t, b, f, f.URL, "scope=alice"))
	}
	c.pushed()
	return c
}

// pushed waits until all tabs go by push, through one of them.
func (c *crowd) pushed() {
	c.t.Helper()
	for _, tab := range c.tabs {
		until(tab, proven+" && s.mode === 'push' && c.nudge.getSnapshot().role !== 'solo'")
	}
	c.leader()
}

// leader is the one tab that leads.
func (c *crowd) leader() (leader int) {
	c.t.Helper()
	leader = -1
	for deadline := time.Now().Add(enginetest.Patience); leader < 0; {
		var roles []string
		for i, tab := range c.tabs {
			role := enginetest.Eval[string](tab, "cases.page.nudge.getSnapshot().role")
			roles = append(roles, role)
			if role == "leader" && leader >= 0 {
				c.t.Fatalf("tabs %d and %d both lead", leader, i)
			}
			if role == "leader" {
				leader = i
			}
		}
		if leader < 0 && time.Now().After(deadline) {
			c.t.Fatalf("the tabs are %v", roles)
		}
	}
	return leader
}

// streams are how many are open, and how many ever were.
func (c *crowd) streams() (open, ever int) {
	c.gateway.mu.Lock()
	defer c.gateway.mu.Unlock()
	return len(c.gateway.live), c.gateway.opened
}

// The tabs of a user share a stream.
func TestTabs(t *testing.T) {
	inEach(t, enginetest.Options{Own: true}, func(t *testing.T, b *enginetest.Browser) { // some end processes
		t.Run("eight", func(t *testing.T) { eightTabs(t, b) })
		t.Run("hand-over", func(t *testing.T) { handOver(t, b) })
		t.Run("users", func(t *testing.T) { users(t, b) })
		t.Run("clobbered", func(t *testing.T) { clobberedTabs(t, b) })
	})
}

// Eight tabs over HTTP/1.1 have one stream, and the application's requests still start at once.
func eightTabs(t *testing.T, b *enginetest.Browser) {
	c := gathered(t, b, 8)
	hears(c.gateway, c.tabs...)
	if open, _ := c.streams(); open != 1 {
		t.Errorf("%d streams are open", open)
	}
	const ask = "(async () => { const t = performance.now(); await fetch('/changes?since=0'); return performance.now() - t })()"
	for i, tab := range c.tabs {
		if ms := enginetest.Eval[float64](tab, ask); ms > 30_000 { // without a connection it would wait for minutes
			t.Errorf("beside the stream a request of tab %d took %.0f ms", i, ms)
		}
	}
}

// However the tab that leads ends, another has a stream within a second of its end, nobody goes back to polling for it, and no
// news is lost.
func handOver(t *testing.T, b *enginetest.Browser) {
	ends := map[string]func(c *crowd, tab *enginetest.Tab) bool{
		"closed":  func(_ *crowd, tab *enginetest.Tab) bool { tab.Close(); return true },
		"left":    func(c *crowd, tab *enginetest.Tab) bool { tab.Navigate(c.gateway.URL + "/another"); return true },
		"frozen":  func(_ *crowd, tab *enginetest.Tab) bool { return tab.Freeze() },
		"crashed": func(_ *crowd, tab *enginetest.Tab) bool { tab.Crash(); return true },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c := gathered(t, b, 3)
			leader := c.leader()
			old := c.tabs[leader]
			c.tabs = append(c.tabs[:leader:leader], c.tabs[leader+1:]...)
			_, before := c.streams()
			began := time.Now()
			if !end(c, old) {
				t.Skip("this browser freezes no tabs")
			}
			ended := time.Now()
			c.leader()
			c.gateway.until(t, "another stream", func() bool { return c.gateway.opened > before })
			hears(c.gateway, c.tabs...)
			_, after := c.streams()
			c.gateway.mu.Lock()
			took := c.gateway.last.Sub(c.gateway.closed)
			if c.gateway.closed.Before(began) {
				took = c.gateway.last.Sub(ended) // Firefox itself keeps the stream of a tab that has crashed
			}
			c.gateway.mu.Unlock()
			t.Logf("the next stream came %s after the end of the old one", took)
			most := time.Second
			for _, tab := range c.tabs { // a second is promised, the rest is for a busy machine
				most = max(most, 3*time.Second+stalled(tab))
			}
			if after != before+1 || took > most {
				t.Errorf("%d streams, the last one %s after the end of the old one, of %s", after-before, took, most)
			}
			for i, tab := range c.tabs {
				if enginetest.Eval[bool](tab, "((s) => s.findIndex((one) => one.mode === 'push') < s.findLastIndex((one) => one.mode === 'poll'))(cases.page.states)") {
					t.Errorf("tab %d went back to polling: %s", i, enginetest.Eval[string](tab, "state()"))
				}
				tab.Close()
			}
		})
	}
}

// Who has logged in as somebody else, in another tab, hears nothing of what the first one may see.
func users(t *testing.T, b *enginetest.Browser) {
	f := started(t, good, mute(event("hello", hello(100))+event("heartbeat", cadence(nil))))
	f.speed.Store(1)
	alice := visit(t, b, f, f.URL, "scope=alice")
	until(alice, proven)
	bob := visit(t, b, f, f.URL, "scope=bob")
	until(bob, "s.stream === 'open' && c.nudge.getSnapshot().role === 'leader'")
	hears(f, alice)
	if got := enginetest.Eval[int](bob, "cases.page.nudge.getSnapshot().stats.events"); got > 2 {
		t.Errorf("the other user heard %d events", got)
	}
	if news := enginetest.Eval[int](bob, "cases.page.nudge.getSnapshot().behind"); news != 0 {
		t.Error("the other user heard the news")
	}
}

const clobberedTabsPage = `<!doctype html><meta charset="utf-8"><title>page</title>
%s<script type="module">
import { createNudge } from '/nudge.js'
import { tabs } from '/nudge.tabs.js'
const poll = async ({ projects }) => ({ versions: { 42: (await (await fetch('/changes?since=' + projects[42].have)).json()).version } })
window.nudge = createNudge({ projects: { 42: 100 }, interval: 1000, transport: tabs({ scope: 'alice' }), poll })
window.state = () => JSON.stringify(nudge.getSnapshot())
</script>`

// Elements of a page do not keep it from sharing.
func clobberedTabs(t *testing.T, b *enginetest.Browser) {
	var elements strings.Builder
	for _, name := range []string{"addEventListener", "visibilityState", "BroadcastChannel", "navigator", "locks", "EventSource", "setTimeout", "clearTimeout", "Date", "document"} {
		fmt.Fprintf(&elements, "<img name=%s id=%[1]s>", name)
	}
	f := started(t, good)
	f.speed.Store(1)
	f.pages = map[string]string{"/clobbered": fmt.Sprintf(clobberedTabsPage, elements.String())}
	leader := b.Open(t, f.URL+"/clobbered")
	leader.Until("document.addEventListener instanceof Element && window.nudge?.getSnapshot().role === 'leader'")
	leader.Until("nudge.getSnapshot().stream === 'proven'")
	follower := b.Open(t, f.URL+"/clobbered")
	follower.Until("window.nudge?.getSnapshot().role === 'follower' && nudge.getSnapshot().stream === 'proven'")
	v := f.commit(nil)
	follower.Until(fmt.Sprintf("nudge.getSnapshot().versions[42] === %d", v))
	if open := count(f, func(f *faulty) int { return len(f.live) }); open != 1 {
		t.Errorf("%d streams are open", open)
	}
}
