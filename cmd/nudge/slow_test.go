//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nudge/internal/exectest"
)

// slowConfig has the defaults, but for times that a test can wait for.
const slowConfig = `listen: 127.0.0.1:0
ops_listen: 127.0.0.1:0
auth: {secret: %s}
redis: {mode: standalone, addrs: ["%s"]}
poll: {fast: 2s, slow: 6s}
heartbeat: 2s
drain: {delay: 0s, window: 0s}
`

// Clients that are slow in every way of slowhttptest, and connections that say nothing, keep nobody from a stream, and end none.
// What a gateway keeps for each of these connections has a bound.
func TestSlowClients(t *testing.T) {
	if os.Getenv("NUDGE_TEST_PACE") == "" {
		t.Skip("takes half a minute, and the machine for itself: make pace")
	}
	slowhttptest, err := exec.LookPath("slowhttptest")
	if err != nil && os.Getenv("NUDGE_TEST_REQUIRE") == "" {
		t.Skip("slowhttptest is not installed")
	}
	must(t, err)
	h := honestStreams(t, slowConfig, 300)
	h.phase(2 * time.Second)
	quiet := h.phase(3 * time.Second)
	memory := h.gateway.memory(t)
	t.Logf("quiet: %v; %d MB", quiet, memory>>20)
	// All at once: together they are worse than each alone.
	stops := []func(){silent(t, h.gateway.url, 10_000)}
	for path, attack := range map[string]string{
		"/events":       "-H",
		"/missed":       "-B -t POST",
		"/nudge.js.map": "-X -w 1 -y 2 -k 3", // reads slowly
		"/nudge.js":     "-R -t HEAD",        // ranges
	} {
		args := append(strings.Fields(attack), "-c", "1000", "-r", "1000", "-i", "2", "-l", "60", "-p", "3", "-v", "0", "-u", h.gateway.url+path)
		cmd := exectest.Command(slowhttptest, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Start())
		stops = append(stops, func() {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			if _ = cmd.Wait(); strings.Contains(out.String(), "Usage:") {
				t.Errorf("%s", out.Bytes())
			}
		})
	}
	h.phase(3 * time.Second) // they connect
	during := h.phase(5 * time.Second)
	now, open := h.gateway.memory(t), h.gateway.status(t)
	for _, stop := range stops {
		stop()
	}
	t.Logf("under attack: %v; %d MB, %v streams, %v connections", during, now>>20, open["streams"], open["connections"])
	if got, want := at(during.hello, 0.99), max(100, at(quiet.hello, 0.99)); got > 2*want {
		t.Errorf("p99 until hello: %.1f ms, was %.1f", got, want)
	}
	if during.refused > 0 || h.ended.Load() > 0 {
		t.Errorf("%d newcomers got no stream, %d streams ended", during.refused, h.ended.Load())
	}
	if now > memory+14_000*32<<10 { // a connection that reads slowly takes some 32 KiB, a silent one 10
		t.Errorf("%d MB, was %d MB", now>>20, memory>>20)
	}
}

// silent opens connections that send half of a request, or nothing, as long as they are open.
func silent(t *testing.T, url string, n int) (stop func()) {
	t.Helper()
	var mu sync.Mutex
	var open []net.Conn
	var dialing sync.WaitGroup
	for w := range 20 {
		dialing.Go(func() {
			for i := range n / 20 {
				conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
				if err != nil {
					return // the file limit, or the gateway's
				}
				if (w+i)%2 == 0 {
					fmt.Fprint(conn, "GET /events?project=shared HTTP/1.1\r\nHost: x\r\n")
				}
				mu.Lock()
				open = append(open, conn)
				mu.Unlock()
			}
		})
	}
	dialing.Wait()
	t.Logf("%d connections", len(open))
	return func() {
		for _, conn := range open {
			conn.Close()
		}
	}
}

// memory returns the resident memory of the gateway's process in bytes.
func (g *gatewayProcess) memory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb := 0
	_, err = fmt.Sscan(rest, &kb)
	must(t, err)
	return kb << 10
}
