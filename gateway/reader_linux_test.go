package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A hello that is longer than what the kernel takes at once is no reason for another one: a slow reader that fell
// behind once would get one after the other, for ever, though nothing happens.
func TestLongHellosEnd(t *testing.T) {
	t.Parallel()
	const versions = 400
	r := wire(t, quiet)
	var projects []string
	for i := range 64 {
		projects = append(projects, fmt.Sprintf("%0128d", i))
	}
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) }), err)
	}}
	conn, err := small.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, asking("HTTP/1.1", projects...)); err != nil {
		t.Fatal(err)
	}
	l := &line{TCPConn: conn.(*net.TCPConn), in: bufio.NewReaderSize(conn, 512)}
	control := must[*ear](t)(r.hear(client(t, thin{}), "/events?project="+projects[0]))
	for v := range int64(versions) { // which it does not read, and so falls behind
		r.news(fmt.Sprintf("%s@%d", projects[0], v+1))
		if err := control.at(projects[0], v+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.hear(); err != nil {
		t.Fatal(err)
	}
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for b := make([]byte, 500); l.counts["hello"] < 12; <-pace.C {
		wait := patience
		if l.versions[projects[0]] == versions {
			wait = 2 * time.Second
		}
		conn.SetReadDeadline(time.Now().Add(wait))
		n, err := l.resp.Body.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) { // nothing comes any more
			if v := l.versions[projects[0]]; v != versions {
				t.Errorf("it ended on %d of %d", v, versions)
			}
			return
		}
		if err == nil {
			err = l.take(b[:n])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("%d hellos, and no end", l.counts["hello"])
}
