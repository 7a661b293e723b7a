//go:build unix

package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
	"nudge/internal/exectest"
	"nudge/version"
	"nudge/version/control"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// crowdStreams is how many streams TestRevokedCrowd opens over each carrier. NUDGE_CROWD=19000 is a whole gateway, as far as
// the limit of open files goes.
func crowdStreams(t *testing.T) int {
	text := os.Getenv("NUDGE_CROWD")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Of many streams, each of another subject, those whose tokens are revoked say goodbye, and nobody else: one subject, one
// project of a subject, everybody before a time.
func TestRevokedCrowd(t *testing.T) {
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"parked":    func(l net.Listener) net.Listener { return l },
		"goroutine": func(l net.Listener) net.Listener { return bare{l} },
	} {
		t.Run(name, func(t *testing.T) {
			const probe = 500 * time.Millisecond
			server, n := redistest.Start(t), crowdStreams(t)
			r := wireOn(t, func(o *gateway.Options) {
				o.Probe = probe
				o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
					return redis.New(b, redis.Options{Addrs: []string{server.Addr}, Probe: probe, Host: h.Host, Control: h.Control})
				}
			}, wrap)
			admin, err := redis.New(version.NewBoard(), redis.Options{Addrs: []string{server.Addr}})
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			now := time.Now().Truncate(time.Second) // tokens know whole seconds
			old, young := newCrowd(t, r.url, "old", n, now.Add(-time.Minute)), newCrowd(t, r.url, "young", 20, now)
			news := 0
			revoke := func(what string, rule control.Revocation, goodbyes int) {
				t.Helper()
				rule.Until = now.Add(time.Hour)
				begun := time.Now()
				if _, err := admin.Revoke(t.Context(), rule); err != nil {
					t.Fatal(err)
				}
				last := old.untilGone(goodbyes)
				t.Logf("%s: the last of %d goodbyes after %v", what, goodbyes, last.Sub(begun).Round(time.Millisecond))
				news++
				server.Do("PUBLISH", "nudge:{42}", strconv.Itoa(news))
				old.untilNews(news)
				young.untilNews(news)
			}
			revoke("a subject", control.Revocation{Subject: "old 3"}, 1)
			revoke("a project of a subject", control.Revocation{Subject: "old 7", Project: mark(t, "42").Project}, 1)
			revoke("a token", control.Revocation{ID: "old 9"}, 1)
			revoke("everybody before", control.Revocation{Before: now}, n-3)
			if got := r.closed("revoked"); got != float64(n) {
				t.Errorf("%v streams counted as revoked", got)
			}
		})
	}
}

// crowd is another process with many streams, since one process may not open enough files for both ends.
type crowd struct {
	t     testing.TB
	lines *bufio.Scanner
	open  map[string]bool // streams that have said no goodbye
	news  map[string]int  // newest version of each
}

// newCrowd opens n streams of project 42, one after the other, each of a subject of its own.
func newCrowd(t *testing.T, url, name string, n int, issued time.Time) *crowd {
	t.Helper()
	cmd := exectest.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("NUDGE_CROWD_OF=%s %s %d %d", strings.TrimPrefix(url, "http://"), name, n, issued.Unix()))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	c := &crowd{t: t, lines: bufio.NewScanner(out), open: map[string]bool{}, news: map[string]int{}}
	for len(c.open) < n {
		c.read()
	}
	return c
}

// read reads what one stream of the crowd got.
func (c *crowd) read() (at time.Time) {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatalf("the crowd ended: %v", c.lines.Err())
	}
	who, said, _ := strings.Cut(c.lines.Text(), " ")
	what, rest, _ := strings.Cut(said, " ")
	var number int64
	fmt.Sscan(rest, &number)
	switch what {
	case "hello":
		c.open[who] = true
	case "news":
		c.news[who] = int(number)
	case "revoked":
		delete(c.open, who)
		return time.UnixMicro(number)
	default:
		c.t.Fatalf("stream %s: %s", who, said)
	}
	return at
}

// untilGone returns when the last of n more goodbyes came.
func (c *crowd) untilGone(n int) (last time.Time) {
	c.t.Helper()
	for want := len(c.open) - n; len(c.open) > want; {
		if at := c.read(); at.After(last) {
			last = at
		}
	}
	return last
}

// untilNews waits until all that are open have a version. So nobody else has ended.
func (c *crowd) untilNews(v int) {
	c.t.Helper()
	for behind := true; behind; {
		behind = false
		for who := range c.open {
			if behind = c.news[who] < v; behind {
				break
			}
		}
		if behind {
			c.read()
		}
	}
}

func init() { runCrowd = beCrowd }

// beCrowd is the process of a crowd, until all its streams have ended. It writes a line for each event of each stream.
func beCrowd(order string) error {
	var address, name string
	var n int
	var issued int64
	if _, err := fmt.Sscan(order, &address, &name, &n, &issued); err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(i int, what string, v any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(i, what, v)
	}
	var all sync.WaitGroup
	for i := range n {
		who := fmt.Sprint(name, " ", i)
		token := sign(jwt.MapClaims{"jti": who, "sub": who, "iat": issued, "subscribe": "42"})
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, "GET /events?project=42 HTTP/1.1\r\nHost: gw.example\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
			return err
		}
		in := bufio.NewScanner(c)
		hello := make(chan struct{})
		came := sync.OnceFunc(func() { close(hello) })
		all.Go(func() {
			for in.Scan() {
				switch line := in.Text(); {
				case line == "event: hello":
					say(i, "hello", 0)
					came()
				case strings.HasPrefix(line, "id: 42@"):
					say(i, "news", strings.TrimPrefix(line, "id: 42@"))
				case strings.HasPrefix(line, `data: {"reason":"revoked"`):
					say(i, "revoked", time.Now().UnixMicro())
					return
				case strings.HasPrefix(line, `data: {"reason":`), strings.HasPrefix(line, "HTTP/1.1 ") && !strings.Contains(line, "200"):
					say(i, line, 0)
				}
			}
			say(i, "ended", 0)
		})
		<-hello
	}
	all.Wait()
	return nil
}
