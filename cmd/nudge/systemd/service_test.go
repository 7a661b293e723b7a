package systemd

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gateway answers as one that is ready or not, and whose locks are free or not.
type gateway struct {
	ready atomic.Bool
	locks chan struct{} // closed: free
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/status":
		<-g.locks
	case !g.ready.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write([]byte("{}"))
}

// within runs a service for test, and returns what systemd was told.
func within(t *testing.T, g *gateway, watchdog time.Duration, test func(stop func(), told func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		messages := make(chan string, 1000)
		g.locks = make(chan struct{})
		s := &Service{Ops: g, Stop: 27 * time.Second, Log: slog.New(slog.DiscardHandler), watchdog: watchdog, send: func(state string) error {
			messages <- state
			return errors.New("nobody listens; this must not end the service")
		}}
		ctx, cancel := context.WithCancel(t.Context())
		stopping, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- s.Run(ctx, stopping) }()
		test(func() { close(stopping) }, func() (all []string) {
			synctest.Wait()
			for len(messages) > 0 {
				all = append(all, <-messages)
			}
			return all
		})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestStartedWhenReady(t *testing.T) {
	g := &gateway{}
	within(t, g, 0, func(stop func(), told func() []string) {
		time.Sleep(10 * time.Second)
		if all := told(); len(all) > 0 {
			t.Errorf("told %q before it was ready", all)
		}
		g.ready.Store(true)
		time.Sleep(time.Minute)
		if all := told(); !slices.Equal(all, []string{"READY=1\nSTATUS=Serves."}) {
			t.Errorf("told %q", all)
		}
		stop()
		if all := told(); len(all) != 1 || !strings.HasPrefix(all[0], "STOPPING=1\n") || !strings.HasSuffix(all[0], "\nEXTEND_TIMEOUT_USEC=27000000") {
			t.Errorf("told %q at the signal", all)
		}
		time.Sleep(time.Minute)
		if all := told(); len(all) > 0 {
			t.Errorf("told %q while it stops", all)
		}
	})
}

// A key server that is away makes no restart useful.
func TestStartedThoughNotReady(t *testing.T) {
	within(t, &gateway{}, 0, func(_ func(), told func() []string) {
		time.Sleep(startTime + time.Second)
		if all := told(); len(all) != 1 || !strings.HasPrefix(all[0], "READY=1\n") {
			t.Errorf("told %q", all)
		}
	})
}

// Signs of life come until the gateway hangs, while it starts and while it ends too.
func TestWatchdog(t *testing.T) {
	g := &gateway{}
	within(t, g, 15*time.Second, func(stop func(), told func() []string) {
		time.Sleep(16 * time.Second)
		if all := told(); len(all) > 0 {
			t.Errorf("told %q though the gateway hangs", all)
		}
		close(g.locks)
		stop()
		time.Sleep(time.Minute)
		signs := 0
		for _, message := range told() {
			if message == "WATCHDOG=1" {
				signs++
			}
		}
		if signs < 4 {
			t.Errorf("%d signs of life in a minute", signs)
		}
	})
}

func TestFromEnvironment(t *testing.T) {
	for _, c := range []struct {
		name, socket, usec, pid string
		told                    bool
		watchdog                time.Duration
	}{
		{name: "not by systemd"},
		{name: "no watchdog", socket: "/run/x", told: true},
		{"a watchdog", "/run/x", "30000000", "", true, 15 * time.Second},
		{"of another process", "/run/x", "30000000", "1", true, 0},
		{"no number", "/run/x", "soon", "", true, 0},
	} {
		t.Setenv("NOTIFY_SOCKET", c.socket)
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		s := FromEnvironment()
		if (s != nil) != c.told || s != nil && s.watchdog != c.watchdog {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}
