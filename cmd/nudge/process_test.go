package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"nudge/cmd/nudge/config"
	"nudge/internal/exectest"
	"nudge/internal/secrettest"
	"nudge/version/redis"
)

// patience bounds every wait of these tests. Nothing is as slow; a wait ends with its event.
const patience = 30 * time.Second

const testSecret = secrettest.Marker + "-a-secret-of-the-tests-a-secret-of-the-tests"

// binary is the real nudge, built with the race detector once for all tests that need a process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nudge-bin")
	if err != nil {
		return "", err
	}
	builtIn = dir
	path := filepath.Join(dir, "nudge")
	out, err := exectest.Command("go", "build", "-race", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// builtIn is the directory of binary; "" if no test has needed it.
var builtIn string

func TestMain(m *testing.M) {
	redis.Quiet()
	code := m.Run()
	if builtIn != "" {
		os.RemoveAll(builtIn)
	}
	os.Exit(code)
}

// process is a running nudge.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout *transcript
	stderr *transcript
	exited chan struct{}
	err    error // of Wait, once exited is closed
}

// start runs nudge with args until the test is over.
func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return startBinary(t, path, env, args...)
}

// startBinary is start with another binary than that of all tests.
func startBinary(t testing.TB, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exectest.Command(path, args...), stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Dir = t.TempDir() // no config.yaml by accident
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
		secrettest.Check(t, "stderr of nudge "+args[0], p.stderr.String())
		if args[0] != "token" && args[0] != "demo" { // which print one for the terminal
			secrettest.Check(t, "stdout of nudge "+args[0], p.stdout.String())
		}
		if t.Failed() {
			t.Logf("stderr of nudge %s:\n%s", strings.Join(args, " "), p.stderr)
		}
		if strings.Contains(p.stderr.String(), "DATA RACE") {
			t.Errorf("a data race in nudge %s:\n%s", strings.Join(args, " "), p.stderr)
		}
	})
	return p
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("nudge does not end; it said:\n%s", p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// kill ends the process as a crash would.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

// transcript is what a process said so far, and wakes who waits for more.
type transcript struct {
	mu   sync.Mutex
	said bytes.Buffer
	more chan struct{} // closed and replaced at each write
}

func newTranscript() *transcript { return &transcript{more: make(chan struct{})} }

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.said.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// until waits for text that was not there at from, and returns where it ends.
func (s *transcript) until(t testing.TB, from int, text string) int {
	t.Helper()
	limit := time.After(patience)
	for {
		s.mu.Lock()
		said, more := s.said.String(), s.more
		s.mu.Unlock()
		if i := strings.Index(said[from:], text); i >= 0 {
			return from + i + len(text)
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("%q was not said; only:\n%s", text, said)
		}
	}
}

// gatewayProcess is a running nudge serve.
type gatewayProcess struct {
	*process
	file string // its configuration
	url  string
	ops  string
}

// serveFile starts nudge serve with a configuration file, and waits until it wants traffic.
func serveFile(t testing.TB, file string) *gatewayProcess {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return serveBinary(t, path, file)
}

// serveBinary is serveFile with another binary than that of all tests.
func serveBinary(t testing.TB, path, file string) *gatewayProcess {
	t.Helper()
	g := &gatewayProcess{process: startBinary(t, path, nil, "serve", "--config", file), file: file}
	line := g.stderr.until(t, 0, "nudge serves")
	end := g.stderr.until(t, line, "\n")
	for field := range strings.FieldsSeq(g.stderr.String()[line:end]) {
		if address, ok := strings.CutPrefix(field, "listen="); ok {
			g.url = "http://" + address
		}
		if address, ok := strings.CutPrefix(field, "ops_listen="); ok {
			g.ops = "http://" + address
		}
	}
	g.untilStatus("/ready", http.StatusOK)
	return g
}

// write saves a configuration, whole.
func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configFile writes a configuration with quick times into a new file. Text replaces %s in it by nothing.
func configFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	write(t, file, text)
	return file
}

// quick is a configuration for tests: the same rules, shorter times.
func quick(listen, redis, push string) string {
	return fmt.Sprintf(`listen: %s
ops_listen: 127.0.0.1:0
auth: {secret: %s}
redis: {mode: standalone, addrs: ["%s"], probe: 200ms}
push: %s
poll: {fast: 1s, slow: 60s}
heartbeat: 1s
drain: {delay: 100ms, window: 500ms}
`, listen, testSecret, redis, push)
}

// untilStatus asks again and again, since no event tells of a status, until it is as wanted.
func (g *gatewayProcess) untilStatus(path string, want int) {
	g.t.Helper()
	g.untilAnswer(path, func(status int, _ []byte) bool { return status == want })
}

func (g *gatewayProcess) untilAnswer(path string, want func(status int, body []byte) bool) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	last := "nothing"
	for {
		status, body := g.get(path, "")
		if want(status, body) {
			return
		}
		last = fmt.Sprint(status, " ", string(body))
		select {
		case <-ctx.Done():
			g.t.Fatalf("GET %s still answers %s", path, last)
		case <-g.exited:
			g.t.Fatalf("nudge serve ended: %v\n%s", g.err, g.stderr)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (g *gatewayProcess) get(path, token string) (status int, body []byte) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.url+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer resp.Body.Close()
	body, _ = io.ReadAll(resp.Body)
	secrettest.Check(g.t, "the answer to GET "+path, string(body))
	return resp.StatusCode, body
}

// mint signs a token as the application would.
func mint(t testing.TB, g tokenClaims) string {
	t.Helper()
	if g.ttl == 0 {
		g.ttl = time.Hour
	}
	token, err := g.sign(config.Auth{Secret: testSecret, Audience: "nudge"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// client is one open stream, read by a parser that is not ours.
type client struct {
	t      testing.TB
	events chan event
	cancel func()
}

type event struct {
	sse.Event
	at   time.Time
	data map[string]any
}

// connect opens a stream of projects, such as "42".
func (g *gatewayProcess) connect(token string, projects ...string) *client {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/events?project="+strings.Join(projects, "&project="), nil)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		g.t.Fatalf("GET /events: %s: %s", resp.Status, body)
	}
	c := &client{t: g.t, events: make(chan event, 1000), cancel: cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.events)
		defer resp.Body.Close()
		for e, err := range sse.Read(resp.Body, nil) {
			if err != nil {
				return
			}
			got := event{Event: e, at: time.Now()}
			if err := json.Unmarshal([]byte(e.Data), &got.data); err != nil {
				g.t.Errorf("event %q: %v", e.Data, err)
			}
			c.events <- got
		}
	}()
	g.t.Cleanup(func() { cancel(); <-done })
	return c
}

// until takes events until one is as wanted.
func (c *client) until(what string, want func(event) bool) event {
	c.t.Helper()
	limit := time.After(patience)
	var seen []string
	for {
		select {
		case e, open := <-c.events:
			if !open {
				c.t.Fatalf("the stream ended before %s; it said %v", what, seen)
			}
			if want(e) {
				return e
			}
			seen = append(seen, e.Type+" "+e.Data)
		case <-limit:
			c.t.Fatalf("%s did not come; only %v", what, seen)
		}
	}
}

func (c *client) untilType(name string) event {
	c.t.Helper()
	return c.until(name, func(e event) bool { return e.Type == name })
}

// ended waits for the end of the stream.
func (c *client) ended() {
	c.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case _, open := <-c.events:
			if !open {
				return
			}
		case <-limit:
			c.t.Fatal("the stream does not end")
		}
	}
}

// signalled sends a signal to the process.
func (p *process) signalled(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}
