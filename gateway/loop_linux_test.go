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
	"unsafe"

	"golang.org/x/sys/unix"

	"nudge/fallback"
	"nudge/gateway/auth"
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
	s := &http.Server{Handler: g.Handler(), ConnContext: ConnContext}
	served := make(chan error, 1)
	go func() { served <- s.Serve(&Listener{Listener: l}) }()
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
	g.loops[0].post(func(time.Time) { panic("boom") })
	if err := <-ran; err == nil || !strings.Contains(err.Error(), "a stream loop panicked: boom") {
		t.Errorf("Run: %v", err)
	}
	answer := httptest.NewRecorder()
	g.Ops().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(answer.Body.String(), "\nnudge_loop_panics_total 1\n") {
		t.Error("it is not counted")
	}
	if text := log.String(); !strings.Contains(text, "please report this") || !strings.Contains(text, "loop.go") {
		t.Errorf("the log has no stack: %s", text)
	}
	if n := g.streams(); n != 0 {
		t.Errorf("%d streams look open", n)
	}
}

// How long a reader may take nothing follows the heartbeat, for streams that are open too.
func TestPatienceFollowsTheHeartbeat(t *testing.T) {
	g, _ := parkedRig(t, io.Discard)
	patience := func() (all []time.Duration) {
		for _, l := range g.loops {
			found := make(chan []time.Duration)
			l.post(func(time.Time) {
				var here []time.Duration
				for i := uint32(1); i <= l.streams.high; i++ {
					ms, err := unix.GetsockoptInt(int(l.streams.at(i).fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
					if err != nil {
						t.Error(err)
					}
					here = append(here, time.Duration(ms)*time.Millisecond)
				}
				found <- here
			})
			all = append(all, <-found...)
		}
		return all
	}
	if got := patience(); len(got) != 1 || got[0] != 80*time.Second {
		t.Fatalf("%v, want 80s", got)
	}
	s := g.current.Load().Settings
	s.Policy.Heartbeat = time.Minute
	if err := g.Apply(s); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); patience()[0] != 150*time.Second; {
		if time.Now().After(deadline) {
			t.Fatalf("%v after the heartbeat became a minute, want 150s", patience())
		}
	}
}

// A stream's record and a project's are what docs/capacity.md says.
func TestSizes(t *testing.T) {
	if p, s := unsafe.Sizeof(parked{}), unsafe.Sizeof(seat{}); p != 52 || s != 32 {
		t.Errorf("%d bytes for a stream, %d for each of its projects", p, s)
	}
}
