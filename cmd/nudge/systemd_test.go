//go:build unix

package main

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A gateway tells systemd over its socket when it is ready, that it works, and that it ends, with the time that its drain needs.
func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	file := configFile(t, "listen: 127.0.0.1:0\nops_listen: \"\"\nauth: {secret: "+testSecret+"}\ndrain: {delay: 0s, window: 700ms}\n")
	p := start(t, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=200000"}, "serve", "--config", file)
	until := func(what string) string {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for message := make([]byte, 1000); ; {
			n, err := socket.Read(message)
			if err != nil {
				t.Fatalf("systemd was not told %s: %v", what, err)
			}
			if text := string(message[:n]); strings.HasPrefix(text, what) {
				return text
			}
		}
	}
	until("READY=1\n")
	g := &gatewayProcess{process: p, url: "http://" + wordAfter(p.stderr.String(), "listen=")}
	if status, body := g.get("/ready", ""); status != http.StatusOK {
		t.Errorf("systemd was told that the gateway is ready; /ready answers %d: %s", status, body)
	}
	until("WATCHDOG=1")
	until("WATCHDOG=1")
	p.cmd.Process.Signal(syscall.SIGTERM)
	if text := until("STOPPING=1\n"); !strings.HasSuffix(text, "EXTEND_TIMEOUT_USEC=20700000") {
		t.Errorf("told %q", text)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// wordAfter returns the word of text that follows start.
func wordAfter(text, start string) string {
	_, rest, _ := strings.Cut(text, start)
	word, _, _ := strings.Cut(rest, " ")
	return word
}
