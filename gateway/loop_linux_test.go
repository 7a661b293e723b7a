package gateway

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// parkedRig is an open gateway with one parked stream, which has got its hello.
func parkedRig(t *testing.T, log io.Writer) (g *Gateway, ran <-chan error) {
	t.Helper()
	settings := Settings{
		Flag: fallback.Flag{Enabled: true, Percent: 100}, Auth: auth.Settings{Open: true},
		Policy: fallback.Policy{Fast: time.Second, Slow: time.Minute, Heartbeat: 25 * time.Second},
	}
	g, err := New(Options{
		Settings: settings, Log: slog.New(slog.NewTextHandler(log, nil)),
		Source: func(b *version.Board, h Host) (version.Source, error) {
			return version.NewMemory(b, version.MemoryOptions{Evidence: h.Evidence}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: g.Handler(), ConnContext: parked.ConnContext}
	served := make(chan error, 1)
	go func() { served <- s.Serve(&parked.Listener{Listener: l}) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		s.Close()
		<-served
		stop()
	})
	io.WriteString(c, "GET /events?project=42 HTTP/1.1\r\nHost: gw\r\n\r\n")
	in := bufio.NewReader(c)
	for line := ""; !strings.HasPrefix(line, "event: hello"); {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return g, done
}

// A loop that panics ends the gateway with an error, so that the process ends too: its streams must not look open.
func TestLoopPanics(t *testing.T) {
	var log strings.Builder
	g, ran := parkedRig(t, &log)
	g.loops[0].Post(func(time.Time) { panic("boom") })
	if err := <-ran; err == nil || !strings.Contains(err.Error(), "a stream loop panicked: boom") {
		t.Errorf("Run: %v", err)
	}
	answer := httptest.NewRecorder()
	g.Ops().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
	if !strings.Contains(answer.Body.String(), "\nnudge_loop_panics_total 1\n") {
		t.Error("it is not counted")
	}
	if text := log.String(); !strings.Contains(text, "report this line as a bug") || !strings.Contains(text, "loop.go") {
		t.Errorf("the log has no stack: %s", text)
	}
	if n := g.streams(); n != 0 {
		t.Errorf("%d streams look open", n)
	}
}
