// Package systemd tells the service manager how a gateway is (sd_notify): when it has started, that it still works, and that it stops.
package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	// lookTime is the time between two questions whether the gateway is ready.
	lookTime = 50 * time.Millisecond
	// startTime is after which a gateway counts as started that is not ready: one whose key server is away. A restart repairs
	// nothing there.
	startTime = 30 * time.Second
)

// Service is this process as systemd knows it.
type Service struct {
	// Ops answers /ready and /status. /status takes the locks of the gateway: if one is never released, the watchdog hears nothing.
	Ops http.Handler
	// Stop is how long the process may take to end after the signal.
	Stop time.Duration
	Log  *slog.Logger

	watchdog time.Duration // between two signs of life; 0: none is expected
	send     func(state string) error
}

// FromEnvironment returns the service that systemd started this process as; nil if it was not, or does not want to be told.
// It reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func FromEnvironment() *Service {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	s := &Service{send: func(state string) error { return notify(path, state) }}
	of := os.Getenv("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && (of == "" || of == strconv.Itoa(os.Getpid())) {
		s.watchdog = time.Duration(usec) * time.Microsecond / 2 // as sd_watchdog_enabled(3) advises
	}
	return s
}

// notify sends one message. A path that begins with @ is an abstract socket, which the package net knows too.
func notify(path, state string) error {
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// Run tells systemd until ctx ends. Stopping ends when the process was told to stop, which is before.
func (s *Service) Run(ctx context.Context, stopping <-chan struct{}) error {
	look := time.NewTicker(lookTime)
	defer look.Stop()
	late := time.After(startTime)
	var alive <-chan time.Time
	if s.watchdog > 0 {
		ticker := time.NewTicker(s.watchdog)
		defer ticker.Stop()
		alive = ticker.C
	}
	started := func(state string) {
		look.Stop()
		late = nil
		s.tell(state)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if s.ask("/ready") {
				started("READY=1\nSTATUS=Serves.")
			}
		case <-late:
			started("READY=1\nSTATUS=Runs, but /ready does not answer 200 yet.")
		case <-alive:
			if s.ask("/status") {
				s.tell("WATCHDOG=1")
			}
		case <-stopping:
			// The configured drain may be longer than TimeoutStopSec.
			stopping = nil
			started(fmt.Sprintf("STOPPING=1\nSTATUS=Ends its streams.\nEXTEND_TIMEOUT_USEC=%d", s.Stop.Microseconds()))
		}
	}
}

func (s *Service) tell(state string) {
	if err := s.send(state); err != nil {
		s.Log.Warn("systemd could not be told how this gateway is", "error", err, "fix", "start it as a unit with Type=notify, or unset NOTIFY_SOCKET")
	}
}

// ask reports whether the operators' handler answers 200. It returns when the answer is there.
func (s *Service) ask(path string) bool {
	r, err := http.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		return false
	}
	a := answer{header: http.Header{}}
	s.Ops.ServeHTTP(&a, r)
	return a.status == http.StatusOK
}

// answer is an http.ResponseWriter that keeps the status alone.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return len(b), nil
}
