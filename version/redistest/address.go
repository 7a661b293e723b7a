//go:build unix

package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Address is an address behind which one server stands, and later another, as behind a DNS name or a virtual IP: what is
// connected stays connected to the old one.
type Address struct {
	Addr string

	mu    sync.Mutex // guards all below
	to    *Server
	torn  bool
	muted int // so many of the oldest connections say nothing any more
	conns []net.Conn
}

// StartAddress makes an address that leads to this server.
func StartAddress(t testing.TB, to *Server) *Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := &Address{Addr: l.Addr().String(), to: to}
	var pumps sync.WaitGroup
	pumps.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			pumps.Go(func() { a.serve(c, &pumps) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		a.mu.Lock()
		for _, c := range a.conns {
			c.Close()
		}
		a.mu.Unlock()
		pumps.Wait()
	})
	return a
}

// MoveTo makes new connections reach another server.
func (a *Address) MoveTo(to *Server) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.to = to
}

// Tear makes every connection end with a reset in the middle of what the server says, or no longer.
func (a *Address) Tear(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.torn = on
}

// Mute swallows for ever what the server says over the connections that are open now, and keeps them open. New ones
// work: as when a firewall has forgotten a connection.
func (a *Address) Mute() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.muted = len(a.conns)
}

func (a *Address) serve(c net.Conn, pumps *sync.WaitGroup) {
	a.mu.Lock()
	addr := a.to.Addr
	a.mu.Unlock()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		c.Close()
		return
	}
	a.mu.Lock()
	number := len(a.conns)
	a.conns = append(a.conns, c, server)
	a.mu.Unlock()
	pumps.Go(func() {
		io.Copy(server, c)
		server.Close()
		c.Close()
	})
	a.answer(c.(*net.TCPConn), server, number)
	server.Close()
	c.Close()
}

// answer passes on what the server says over a connection of this number.
func (a *Address) answer(c *net.TCPConn, server net.Conn, number int) {
	const message = 20 // bytes, at least
	chunk := make([]byte, 4<<10)
	for {
		n, err := server.Read(chunk)
		if err != nil {
			return
		}
		a.mu.Lock()
		torn, muted := a.torn && n >= message, number < a.muted
		a.mu.Unlock()
		if muted {
			continue
		}
		if torn {
			n -= message / 2
		}
		if _, err := c.Write(chunk[:n]); err != nil {
			return
		}
		if torn {
			c.SetLinger(0) // a reset, not an end
			return
		}
	}
}
