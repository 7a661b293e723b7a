package parked

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nudge/gateway/stream"
	"nudge/gateway/stream/loop"
)

// socketRig is a poller with one parked socket, and the browser at its other end.
type socketRig struct {
	loop.Poller
	t       *testing.T
	browser *net.TCPConn
	fd      int32
}

var tag = loop.Tag{Index: 7, Gen: 9}

func newSocketRig(t *testing.T, i loop.Interest) *socketRig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	browser, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { browser.Close() })
	server, err := (&Listener{Listener: l}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	r := &socketRig{Poller: p, t: t, browser: browser.(*net.TCPConn)}
	if r.fd, err = Detach(server.(*Conn).Conn, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := p.Add(r.fd, tag, i); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *socketRig) line() loop.Line { return r.Line(r.fd, tag) }

// want fails the test if the next events are not these.
func (r *socketRig) want(events ...loop.Event) {
	r.t.Helper()
	got, err := r.Wait(time.Now().Add(10 * time.Second))
	if err != nil || len(got) != len(events) {
		r.t.Fatalf("%+v, %v", got, err)
	}
	for i, e := range events {
		if e.Tag = tag; got[i] != e {
			r.t.Fatalf("%+v, want %+v", got[i], e)
		}
	}
}

// The kernel ends a connection whose browser reads nothing for too long.
func TestDetachSetsThePatience(t *testing.T) {
	r := newSocketRig(t, loop.OnSent)
	if ms, err := unix.GetsockoptInt(int(r.fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); err != nil || ms != 60_000 {
		t.Errorf("%d ms, %v", ms, err)
	}
}

func TestWait(t *testing.T) {
	r := newSocketRig(t, loop.OnSent)
	for name, f := range map[string]func() ([]loop.Event, error){
		"over":   func() ([]loop.Event, error) { return r.Wait(time.Now().Add(time.Millisecond)) },
		"passed": func() ([]loop.Event, error) { return r.Wait(time.Now().Add(-time.Second)) },
		"look":   r.Look,
		"rung": func() ([]loop.Event, error) {
			r.Ring()
			r.Ring()
			return r.Wait(time.Time{})
		},
		"rung meanwhile": func() ([]loop.Event, error) {
			go r.Ring()
			return r.Wait(time.Time{})
		},
	} {
		if events, err := f(); err != nil || len(events) > 0 {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
	_, _ = r.browser.Write([]byte("GET"))
	r.want(loop.Event{Sent: true})
	if events, err := r.Look(); err != nil || len(events) != 1 {
		t.Errorf("looked: %v, %v", events, err)
	}
}

// A browser that does not read makes a socket hold little. When it reads, the loop is told.
func TestSocketTakesNoMore(t *testing.T) {
	r := newSocketRig(t, loop.OnSent)
	event := []byte(strings.Repeat("x", 1000))
	sent := 0
	for {
		n, err := r.line().Send(event, true)
		if err != nil {
			t.Fatal(err)
		}
		if sent += n; n < len(event) {
			break
		}
	}
	if n, err := r.line().Send(nil, true); n != 0 || err != nil {
		t.Error(n, err)
	}
	if err := r.line().Watch(loop.OnSent | loop.OnWritable); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, r.browser, int64(sent)); err != nil {
		t.Fatal(err)
	}
	r.want(loop.Event{Writable: true})
	if err := r.line().Watch(loop.OnSent); err != nil {
		t.Fatal(err)
	}
	if events, err := r.Wait(time.Now().Add(time.Millisecond)); err != nil || len(events) > 0 {
		t.Errorf("told of what nobody asked for: %v, %v", events, err)
	}
}

// After the goodbye the browser reads to the end, and may still send.
func TestSocketEnds(t *testing.T) {
	r := newSocketRig(t, loop.OnSent)
	if _, err := r.line().Send([]byte("goodbye"), true); err != nil {
		t.Fatal(err)
	}
	r.line().Finish()
	if got, err := io.ReadAll(r.browser); err != nil || string(got) != "goodbye" {
		t.Errorf("%q, %v", got, err)
	}
	_, _ = r.browser.Write([]byte("GET / HTTP/1.1"))
	r.want(loop.Event{Sent: true})
	if !r.line().Discard() {
		t.Error("it cannot send more")
	}
	r.browser.Close()
	r.want(loop.Event{Gone: true, Sent: true})
	if r.line().Discard() {
		t.Error("it can send more")
	}
	if r.line().Stuck(nil) {
		t.Error("stuck")
	}
	r.line().Close(stream.Drain)
	if _, err := r.line().Send([]byte("x"), true); err == nil {
		t.Error("a closed socket takes more")
	}
}

func TestOnlyTCPIsParked(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	if fd, err := Detach(a, time.Minute); err == nil || fd >= 0 {
		t.Errorf("%d, %v", fd, err)
	}
	if _, err := a.Write(nil); err == nil {
		t.Error("it is not closed")
	}
}
