package parked

import (
	"crypto/tls"
	"net"
	"net/http/httptest"
	"testing"
)

// A connection that is not admitted is closed at once, and the next one is served.
func TestAdmit(t *testing.T) {
	first, refused := net.Pipe()
	_, admitted := net.Pipe()
	inner := &once{conn: make(chan net.Conn, 2), closed: make(chan struct{})}
	inner.conn <- refused
	inner.conn <- admitted
	asked, ended := 0, 0
	l := &Listener{Listener: inner, Admit: func(net.Addr) (Watch, bool) {
		asked++
		return Watch{End: func(bool) { ended++ }}, asked > 1
	}}
	c, err := l.Accept()
	if err != nil || c.(*Conn).Conn != admitted || asked != 2 || ended != 0 {
		t.Fatalf("%v, asked %d times, %d ended", err, asked, ended)
	}
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the refused connection is open")
	}
	c.Close()
	c.Close()
	if ended != 1 {
		t.Errorf("ended %d times", ended)
	}
}

// A stream that stays with its request is noted, over TLS too.
func TestCarry(t *testing.T) {
	streams := 0
	c := &Conn{watch: Watch{Stream: func(n int) { streams += n }}}
	for name, conn := range map[string]net.Conn{"plain": c, "TLS": tls.Server(c, &tls.Config{})} {
		r := httptest.NewRequest("GET", "/events", nil)
		r = r.WithContext(ConnContext(r.Context(), conn))
		done := Carry(r)
		if streams != 1 {
			t.Errorf("%s: %d streams", name, streams)
		}
		done()
		if streams != 0 {
			t.Errorf("%s: %d streams at the end", name, streams)
		}
	}
	Carry(httptest.NewRequest("GET", "/events", nil))() // a listener of somebody else
}
