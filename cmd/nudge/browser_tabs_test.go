//go:build unix

package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Eight tabs over HTTP/1.1 share one stream: the gateway still answers each of them, all hear the news, and when the tab that
// leads is closed another takes over, without anybody going back to polling.
func TestBrowserTabsShareAStream(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var tabs []*page
	for range 8 {
		tab := open(t, s.chromium, s.app.URL+"/?tabs")
		tab.snapshot("s.stream === 'proven'")
		tabs = append(tabs, tab)
	}
	for _, tab := range tabs {
		tab.snapshot("s.mode === 'push' && s.interval > 10000")
		eval[bool](tab, "window.fell = [], nudge.subscribe(() => { const s = nudge.getSnapshot(); if (s.mode !== 'push') fell.push(s) }), true")
		const ask = "(async () => { const t = performance.now(); await fetch('%s/live', { mode: 'no-cors' }); return performance.now() - t })()"
		if ms := eval[float64](tab, fmt.Sprintf(ask, s.gateway.url)); ms > 10_000 { // without a connection it would wait for minutes
			t.Errorf("a request beside the streams took %.0f ms", ms)
		}
	}
	leader := -1
	for i, tab := range tabs {
		switch role := eval[string](tab, "nudge.getSnapshot().role"); role {
		case "leader":
			if leader >= 0 {
				t.Errorf("tabs %d and %d both lead", leader, i)
			}
			leader = i
		case "follower":
		default:
			t.Errorf("tab %d is %s", i, role)
		}
	}
	if leader < 0 {
		t.Fatal("no tab leads")
	}
	all := func(v int64) {
		t.Helper()
		for _, tab := range tabs {
			tab.snapshot(fmt.Sprintf("s.versions[42] === %d", v))
		}
	}
	all(s.publish())

	tabs[leader].Close()
	tabs = append(tabs[:leader], tabs[leader+1:]...)
	for began := time.Now(); ; {
		leads := 0
		for _, tab := range tabs {
			if eval[string](tab, "nudge.getSnapshot().role") == "leader" {
				leads++
			}
		}
		if leads == 1 {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("%d tabs lead after the leader was closed", leads)
		}
	}
	all(s.publish())
	for i, tab := range tabs {
		if fell := eval[string](tab, "JSON.stringify(fell)"); fell != "[]" {
			t.Errorf("tab %d went back to polling: %s", i, fell)
		}
	}
	s.gateway.untilStatus("/ready", http.StatusOK)
}
