//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"nudge/internal/exectest"
)

// hostileConfig has the default limits, and a slow interval that push has from the beginning.
const hostileConfig = `listen: 127.0.0.1:0
ops_listen: 127.0.0.1:0
auth: {secret: %s}
redis: {mode: standalone, addrs: ["%s"]}
poll: {fast: 2s, slow: 6s}
heartbeat: 2s
drain: {delay: 0s, window: 0s}
`

// hostileLimit is added when the honest streams are open.
const hostileLimit = "limits: {connects_per_second: 200}\n"

// Ten hostile subjects at full speed, in every way that they may, change nothing for 1,500 honest streams: neither the pace that
// they are told, nor how soon they hear of news and get a stream.
func TestHostileSubjects(t *testing.T) {
	if os.Getenv("NUDGE_TEST_PACE") == "" {
		t.Skip("takes half a minute, and the machine for itself: make pace")
	}
	h := honestStreams(t, hostileConfig, 1500)
	h.reload(hostileLimit)              // so that there is a queue to take places in
	h.phase(3 * time.Second)            // trust grows, connections settle
	before := h.phase(10 * time.Second) // two herds
	stop := hostile(t, h.gateway.url)
	h.phase(2 * time.Second) // they open their streams
	during := h.phase(10 * time.Second)
	open := h.gateway.status(t)
	stop()
	t.Logf("before: %v", before)
	t.Logf("during: %v", during)
	t.Logf("streams %v, of which extra %v, browsers %v, push %v %v", open["streams"], open["extra"], open["browsers"], open["push"], open["reason"])
	within := func(what string, got, want, factor, slack float64) {
		t.Helper()
		if got > factor*want+slack {
			t.Errorf("%s: %.1f, was %.1f", what, got, want)
		}
	}
	// Which news comes close behind a herd is chance: without any attack the second mean is 0.4 to 1.4 times the first.
	within("mean spread_ms", mean(during.spread), mean(before.spread), 2.5, 0)
	within("spread_ms of all", at(during.shared, 0.5), at(before.shared, 0.5), 1.4, 0)
	within("spread_ms of hellos", at(during.helloSpread, 0.99), at(before.helloSpread, 0.99), 1.4, 0)
	within("connect_after_ms", at(during.after, 0.99), at(before.after, 0.99), 1, 250)
	within("fast_ms", at(during.fast, 1), at(before.fast, 1), 1, 0)
	if got, want := at(during.poll, 0), at(before.poll, 0); got < want {
		t.Errorf("poll_ms: %v, was %v", got, want)
	}
	// They share the CPUs with all of these clients, so a pause that nobody notices is none.
	within("p99 of news", at(during.news, 0.99), max(100, at(before.news, 0.99)), 4, 0)
	within("p99 of hellos", at(during.hello, 0.99), max(100, at(before.hello, 0.99)), 4, 0)
	if during.refused > 0 || h.ended.Load() > 0 {
		t.Errorf("%d newcomers got no stream, %d streams ended", during.refused, h.ended.Load())
	}
}

// hostile starts the hostile clients in a process of their own, until stop.
func hostile(t *testing.T, url string) (stop func()) {
	t.Helper()
	var tokens []string
	for i := range 10 {
		tokens = append(tokens, mint(t, tokenClaims{subject: fmt.Sprint("mallory-", i), subscribe: []string{"shared", "evil-*"}}))
	}
	self, err := os.Executable()
	must(t, err)
	cmd := exectest.Command("nice", "-n", "19", self) // its own work is not what it costs others
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", hostileEnv+"="+url+" "+strings.Join(tokens, " "))
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	must(t, cmd.Start())
	return func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
}

// hostileEnv makes the program of these tests run hostileClients: it holds the URL of the gateway, and tokens.
const hostileEnv = "NUDGE_TEST_HOSTILE"

// As that process this program runs no test.
func init() {
	if os.Getenv(hostileEnv) != "" {
		hostileClients()
	}
}

// hostileClients is the process of hostile. It does not return.
func hostileClients() {
	fields := strings.Fields(os.Getenv(hostileEnv))
	url, transport := fields[0], &http.Transport{MaxIdleConnsPerHost: 1000}
	for _, token := range fields[1:] {
		m := mallory{url, token, &http.Client{Transport: transport}}
		for range 256 { // hold, each with as many projects as one stream may have
			go m.stream("&project=evil-"+token[len(token)-4:]+"&project=shared&project=denied", true)
		}
		for range 4 {
			go m.again(func(int) { m.stream("&project=shared&project=denied", false) })
			go m.again(func(int) { m.ask("GET", "/poll-interval?project=shared", "") })
			go m.again(func(int) { m.ask("GET", "/versions?project=shared", "") })
			go m.again(func(int) { m.ask("POST", "/missed", `{"project":"shared","version":1}`) })
			go m.again(func(n int) {
				names := ""
				for i := range 64 {
					names += fmt.Sprintf("&project=evil-%s-%d-%d", token[len(token)-4:], n, i)
				}
				m.ask("GET", "/versions?"+names[1:], "")
			})
		}
		for range 32 {
			go m.again(func(int) { m.ask("GET", "/versions?wait=25s&project=shared@9007199254740991", "") })
		}
	}
	select {}
}

// mallory is one hostile subject.
type mallory struct {
	url, token string
	client     *http.Client
}

func (m mallory) again(do func(n int)) {
	for n := 0; ; n++ {
		do(n)
	}
}

func (m mallory) ask(method, path, body string) {
	req, _ := http.NewRequestWithContext(context.Background(), method, m.url+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+m.token)
	resp, err := m.client.Do(req)
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// stream opens a stream, and reads its first bytes or all.
func (m mallory) stream(projects string, hold bool) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events?%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", projects[1:], m.token)
	b := make([]byte, 4096)
	for {
		if _, err := conn.Read(b); err != nil || !hold {
			return
		}
	}
}
