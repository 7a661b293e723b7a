//go:build unix

// Package clienttest starts what the tests of the packages for applications need: a gateway, and applications that poll.
package clienttest

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/internal/exectest"
	"nudge/internal/secrettest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// Secret signs the tokens in all these tests.
const Secret = secrettest.Marker + "-a-secret-of-the-tests-a-secret-of-the-tests"

// patience is how long a test waits for what must come; it is only used up by what is broken.
const patience = 30 * time.Second

// Gateway starts a gateway on a Redis, and returns its URL. It ends with the test.
func Gateway(t *testing.T, server *redistest.Server) string {
	t.Helper()
	var source *redis.Source
	g, err := gateway.New(gateway.Options{
		Settings: gateway.Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100},
			Policy: fallback.Policy{
				Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second, Jitter: 0.2, Heartbeat: 25 * time.Second,
			},
			Auth: auth.Settings{Secret: Secret, Audience: "nudge", Leeway: 30 * time.Second},
		},
		Probe: time.Second, Node: "gw", Instance: "i", Version: "v0", Log: slog.New(slog.DiscardHandler),
		Source: func(b *version.Board, h gateway.Host) (_ version.Source, err error) {
			source, err = redis.New(b, redis.Options{Addrs: []string{server.Addr}, Probe: time.Second, Host: h.Host, Control: h.Control})
			return source, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	site := httptest.NewServer(g.Handler())
	t.Cleanup(func() {
		stop()
		site.CloseClientConnections()
		site.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		source.Close()
	})
	return site.URL
}

// Watch opens a stream of a gateway for a project of which Redis has nothing yet, and returns what waits for the next
// version: "42@2".
func Watch(t *testing.T, gateway, project, token string) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience) // of the whole test
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway+"/events?project="+project, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Nudge-Token", token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	t.Cleanup(func() {
		cancel()
		_ = answer.Body.Close()
	})
	lines := bufio.NewScanner(answer.Body)
	line := func(has func(string) bool) string {
		t.Helper()
		for lines.Scan() {
			if has(lines.Text()) {
				return lines.Text()
			}
		}
		t.Fatal("the stream ended: ", lines.Err())
		return ""
	}
	line(func(text string) bool { return strings.Contains(text, `"unknown":["`+project+`"]`) }) // the gateway listens to Redis
	return func() string {
		t.Helper()
		return strings.TrimPrefix(line(func(text string) bool { return strings.HasPrefix(text, "id: ") }), "id: ")
	}
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// Start starts an application, and returns the URL that it prints. It ends with the test, with the processes that it has started.
func Start(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	group := exectest.NewGroup()
	output, input, err := os.Pipe() // not StdoutPipe: it ends with the program, and what it has started may write on
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = input, input
	err = group.Add(cmd).Start()
	_ = input.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		group.Kill()
		_ = cmd.Wait()
		_ = output.Close()
	})
	var printed strings.Builder
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if url := address.FindString(lines.Text()); url != "" {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return url
		}
		printed.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("it ended: %s", printed.String())
	return ""
}
