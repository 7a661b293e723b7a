//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nudge/internal/exectest"
	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// plainBinary is nudge without the race detector, which would cost the time that is measured.
func plainBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nudge")
	if out, err := exectest.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// honest are users with a stream each, and what they notice. All watch the project "shared", and 15 of them one of their own.
type honest struct {
	t         *testing.T
	gateway   *gatewayProcess
	publisher *redis.Source
	streams   int
	version   atomic.Int64
	made      sync.Map // of a mark such as 42@7: when it was published
	ended     atomic.Int64
	newcomers int

	mu   sync.Mutex
	seen *notices
}

// notices are what honest users noticed in a phase.
type notices struct {
	news, hello    []float64 // ms from publishing to the event; from connecting to the hello
	spread, shared []float64 // spread_ms of news of 15 watchers, and of news of all
	helloSpread    []float64
	after          []float64 // connect_after_ms
	poll, fast     []float64
	refused        int // newcomers that got no stream
}

func mean(values []float64) (m float64) {
	for _, v := range values {
		m += v / float64(len(values))
	}
	return m
}

// honestStreams starts a gateway with this configuration (a format with the places of the Redis and the secret), and opens
// streams.
func honestStreams(t *testing.T, configuration string, n int) *honest {
	t.Helper()
	server := redistest.Start(t)
	publisher, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{server.Addr}})
	must(t, err)
	t.Cleanup(func() { publisher.Close() })
	h := &honest{t: t, publisher: publisher, streams: n, seen: &notices{}}
	file := configFile(t, fmt.Sprintf(configuration, testSecret, server.Addr))
	h.gateway = serveBinary(t, plainBinary(t), file)
	h.publish("shared")
	for i := range n / 15 {
		h.publish(fmt.Sprint("own-", i))
	}
	var opening sync.WaitGroup
	for i := range n {
		opening.Add(1)
		go h.listen(fmt.Sprint("user-", i), fmt.Sprint("own-", i/15), opening.Done)
		if i%100 == 99 {
			opening.Wait()
		}
	}
	opening.Wait()
	return h
}

// reload adds lines to the configuration.
func (h *honest) reload(lines string) {
	text, err := os.ReadFile(h.gateway.file)
	must(h.t, err)
	write(h.t, h.gateway.file, string(text)+lines)
	h.gateway.stderr.until(h.t, 0, "configuration reloaded")
}

// note adds what a user noticed.
func (h *honest) note(do func(*notices)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do(h.seen)
}

// publish publishes the next version of a project.
func (h *honest) publish(project string) {
	p, err := version.ParseProject(project)
	must(h.t, err)
	v := version.Version(h.version.Add(1))
	h.made.Store(fmt.Sprint(project, "@", int64(v)), time.Now())
	if _, err := h.publisher.Publish(context.Background(), []version.News{{Project: p, Version: v}}); err != nil {
		h.t.Errorf("publish: %v", err)
	}
}

// phase publishes for some time, and lets new users come. It returns what honest users noticed.
func (h *honest) phase(over time.Duration) *notices {
	seen := &notices{}
	h.mu.Lock()
	h.seen = seen
	h.mu.Unlock()
	end := time.Now().Add(over)
	for n := 0; time.Now().Before(end); n++ {
		if n%2 == 1 {
			h.publish(fmt.Sprint("own-", n/2%(h.streams/15)))
		}
		if n%100 == 20 {
			h.publish("shared")
		}
		if n%2 == 0 {
			h.newcomers++
			go h.come(fmt.Sprint("new-", h.newcomers))
		}
		time.Sleep(50 * time.Millisecond) // the rate of this phase
	}
	time.Sleep(200 * time.Millisecond) // the last news arrives
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = &notices{}
	return seen
}

// come asks when to connect, opens a stream, and leaves after its hello.
func (h *honest) come(user string) {
	token := mint(h.t, tokenClaims{subject: user, subscribe: []string{"shared"}})
	status, body := h.gateway.get("/poll-interval?project=shared", token)
	var answer struct {
		After float64 `json:"connect_after_ms"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		h.note(func(n *notices) { n.refused++ })
		return
	}
	begun := time.Now()
	h.read(token, "shared", func(event string, data map[string]any) bool {
		h.note(func(n *notices) {
			n.after = append(n.after, answer.After)
			if event != "hello" {
				n.refused++
				return
			}
			n.hello = append(n.hello, float64(time.Since(begun).Microseconds())/1000)
			n.helloSpread = append(n.helloSpread, data["spread_ms"].(float64))
		})
		return false
	})
}

// listen reads a stream until the test is over. opened is called once, after the hello.
func (h *honest) listen(user, own string, opened func()) {
	opened = sync.OnceFunc(opened)
	defer opened()
	token := mint(h.t, tokenClaims{subject: user, subscribe: []string{"shared", own}})
	h.read(token, "shared&project="+own, func(event string, data map[string]any) bool {
		switch event {
		case "hello":
			opened()
		case "heartbeat":
			h.note(func(n *notices) {
				n.poll, n.fast = append(n.poll, data["poll_ms"].(float64)), append(n.fast, data["fast_ms"].(float64))
			})
		case "version":
			project, v := data["project"].(string), int64(data["version"].(float64))
			made, _ := h.made.Load(fmt.Sprint(project, "@", v))
			h.note(func(n *notices) {
				n.news = append(n.news, float64(time.Since(made.(time.Time)).Microseconds())/1000)
				if project == "shared" {
					n.shared = append(n.shared, data["spread_ms"].(float64))
				} else {
					n.spread = append(n.spread, data["spread_ms"].(float64))
				}
			})
		}
		return true
	})
	if h.t.Context().Err() == nil {
		h.ended.Add(1)
	}
}

// read opens a stream over a connection of its own, and passes its events until take returns false.
func (h *honest) read(token, projects string, take func(event string, data map[string]any) bool) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.gateway.url, "http://"))
	if err != nil {
		take("", nil)
		return
	}
	defer context.AfterFunc(h.t.Context(), func() { conn.Close() })()
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events?project=%s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n", projects, token)
	event, lines := "", bufio.NewScanner(conn)
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		text, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var data map[string]any
		if json.Unmarshal([]byte(text), &data) == nil && !take(event, data) {
			return
		}
	}
	if event == "" {
		take("", nil)
	}
}

// at returns the value that this share of all values do not exceed; 0 without values.
func at(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (n *notices) String() string {
	return fmt.Sprintf("news p50 %.1f ms, p99 %.1f ms (%d); hello p50 %.1f, p99 %.1f ms (%d, refused %d); mean spread_ms %.0f, of all p50 %.0f, p99 %.0f, hello p99 %.0f; connect_after_ms p99 %.0f; poll_ms %.0f to %.0f, fast_ms %.0f to %.0f",
		at(n.news, 0.5), at(n.news, 0.99), len(n.news), at(n.hello, 0.5), at(n.hello, 0.99), len(n.hello), n.refused,
		mean(n.spread), at(n.shared, 0.5), at(n.shared, 0.99), at(n.helloSpread, 0.99), at(n.after, 0.99),
		at(n.poll, 0), at(n.poll, 1), at(n.fast, 0), at(n.fast, 1))
}

// status returns /status, with the extra streams of this gateway.
func (g *gatewayProcess) status(t *testing.T) map[string]any {
	t.Helper()
	resp, err := http.Get(g.ops + "/status")
	must(t, err)
	defer resp.Body.Close()
	var s map[string]any
	must(t, json.NewDecoder(resp.Body).Decode(&s))
	s["extra"] = s["fleet"].(map[string]any)["members"].([]any)[0].(map[string]any)["extra"]
	return s
}
