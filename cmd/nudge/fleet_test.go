//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/version/redistest"
)

// Three gateways know one another. One is killed, and is missed; one is told to go, and is not.
func TestFleetOfProcesses(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	gateway := func(node string) *gatewayProcess {
		text := quick("127.0.0.1:0", redis.Addr, "{}") + "node: " + node + "\n"
		// A goodbye is told with the next probe, so there must be one before the end.
		return serveFile(t, configFile(t, strings.Replace(text, "delay: 100ms", "delay: 2s", 1)))
	}
	stays, dies, goes := gateway("stays"), gateway("dies"), gateway("goes")
	token := mint(t, tokenClaims{subscribe: []string{"42"}})
	for range 3 {
		dies.connect(token, "42").untilType("hello")
	}
	stays.untilShown("the fleet: 3 gateways, 3 streams, 0 lost")
	stays.stderr.until(t, 0, `msg="a gateway joined the fleet" node=dies`)

	dies.kill()
	goes.signalled(syscall.SIGTERM)
	stays.stderr.until(t, 0, `msg="a gateway is leaving the fleet" node=goes`)
	stays.stderr.until(t, 0, `level=WARN msg="a gateway vanished from the fleet without a goodbye" node=dies`)
	stays.stderr.until(t, 0, `msg="a gateway has left the fleet" node=goes`)
	page := stays.untilShown("the fleet: 1 gateway, 0 streams, 3 lost")
	if !strings.Contains(page, "3 streams not seen again") || strings.Contains(page, "goes") {
		t.Errorf("nudge status:\n%s", page)
	}
	for range 3 {
		stays.connect(token, "42").untilType("hello")
	}
	stays.untilShown("the fleet: 1 gateway, 3 streams, 0 lost")
}

// untilShown asks nudge status until it shows a line, and returns the page.
func (g *gatewayProcess) untilShown(line string) string {
	g.t.Helper()
	limit := time.After(patience)
	for {
		_, page, errs := nudge("status", "--ops", g.ops)
		if strings.Contains(page, line+"\n") {
			return page
		}
		select {
		case <-limit:
			g.t.Fatalf("nudge status does not show %q:\n%s%s", line, page, errs)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
