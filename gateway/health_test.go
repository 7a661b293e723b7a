package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nudge/gateway"
)

// healthCheck is a row of docs/health-checks.md.
type healthCheck struct {
	who, request    string
	ready, draining int
}

var codeSpan = regexp.MustCompile("`([^`]*)`")

// healthChecks reads the table of docs/health-checks.md.
func healthChecks(t *testing.T) (checks []healthCheck) {
	t.Helper()
	page, err := os.ReadFile("../docs/health-checks.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 7 || !strings.Contains(cells[3], " HTTP/1.") {
			continue
		}
		c := healthCheck{who: strings.TrimSpace(cells[1]) + " " + strings.TrimSpace(cells[3])}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[3], -1) {
			c.request += m[1] + "\r\n"
		}
		c.request += "\r\n"
		c.ready, _ = strconv.Atoi(strings.TrimSpace(cells[4]))
		c.draining, _ = strconv.Atoi(strings.TrimSpace(cells[5]))
		checks = append(checks, c)
	}
	if len(checks) < 12 {
		t.Fatalf("%d rows: the table was not found", len(checks))
	}
	return checks
}

// Whatever a load balancer or an orchestrator asks, it gets the answer that the table says.
func TestHealthChecks(t *testing.T) {
	r := wire(t, func(o *gateway.Options) { o.BasePath, o.DrainDelay = "/push", 0 })
	ask := func(c healthCheck, want int) {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, c.request)
		method, _, _ := strings.Cut(c.request, " ")
		resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
		if err != nil {
			t.Errorf("%s: %v", c.who, err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || resp.StatusCode != http.StatusNoContent && resp.ContentLength <= 0 {
			t.Errorf("%s: %d %q (%v), want %d", c.who, resp.StatusCode, body, err, want)
		}
		if got := strings.Count(string(body), "\n"); method != http.MethodHead && got != 1 {
			t.Errorf("%s: %d lines: %q", c.who, got, body)
		}
	}
	checks := healthChecks(t)
	for _, c := range checks {
		ask(c, c.ready)
	}
	r.Drain(t.Context())
	for _, c := range checks {
		ask(c, c.draining)
	}
}
