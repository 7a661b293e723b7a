//go:build unix

package redis_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"nudge/version"
	"nudge/version/redis"
	"nudge/version/redistest"
)

// amnesiac stands between a gateway and Redis, and can make Redis forget a subscription without a word.
type amnesiac struct {
	addr string

	mu         sync.Mutex // guards subscriber
	subscriber net.Conn   // of the last connection that subscribed, towards Redis
}

var unsubscribed = regexp.MustCompile(`\*3\r\n\$11\r\nunsubscribe\r\n\$\d+\r\n[^\r]*\r\n:\d+\r\n`)

func newAmnesiac(t *testing.T, server *redistest.Server) *amnesiac {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &amnesiac{addr: l.Addr().String()}
	var pipes sync.WaitGroup
	pipes.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", server.Socket)
			if err != nil {
				near.Close()
				continue
			}
			pipes.Go(func() { a.pass(far, near, func(b []byte) []byte { return a.up(far, b) }) })
			pipes.Go(func() { a.pass(near, far, func(b []byte) []byte { return unsubscribed.ReplaceAll(b, nil) }) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		pipes.Wait()
	})
	return a
}

// up notes which connection subscribes.
func (a *amnesiac) up(far net.Conn, b []byte) []byte {
	if bytes.Contains(bytes.ToLower(b), []byte("psubscribe")) {
		a.mu.Lock()
		a.subscriber = far
		a.mu.Unlock()
	}
	return b
}

func (a *amnesiac) pass(to, from net.Conn, through func([]byte) []byte) {
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(through(buf[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// forget makes Redis drop the subscription to a channel; its answer is swallowed.
func (a *amnesiac) forget(t *testing.T, channel string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := io.WriteString(a.subscriber, "UNSUBSCRIBE "+channel+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

// A subscription that is gone without a word is missed by the count, though probes go on coming back.
func TestRedisForgotSubscription(t *testing.T) {
	server := redistest.Start(t)
	between := newAmnesiac(t, server)
	var log lockedBuffer
	s := redisSource(t, server, func(o *redis.Options) {
		o.Addrs = []string{between.addr}
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	p, q := project(t, "42"), project(t, "7")
	s.Watch(p)
	s.Watch(q)
	s.publish(1, 0, version.News{Project: p, Version: 1})
	s.untilVersion(p, 1)
	server.Do("PUBLISH", channel(q), "5")
	s.untilVersion(q, 5)
	wait(t, "an echo", s.echoes)

	between.forget(t, channel(p))
	s.until(q, func(c version.Change) bool { return c.Era > 0 }) // a gap: nothing stored vouches for this one
	s.publish(1, 0, version.News{Project: p, Version: 2})
	s.untilVersion(p, 2)
	if !strings.Contains(log.String(), "other subscriptions than were made") {
		t.Errorf("the log does not say why:\n%s", log.String())
	}
}
