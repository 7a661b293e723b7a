package gateway

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// This file holds how a connection gets from the server to a loop. The handler answers with a head alone and returns,
// and the server closes the connection as it would any other. But the connection is ours: it has kept the head, and
// instead of being closed it is parked. Hijacking would do as well, but then the server's buffers, 8 KiB for each
// connection, come back to nobody; they were two thirds of the garbage that a crowd leaves.

// Listener is what a server must listen with if its streams are to be parked, together with [ConnContext].
// Elsewhere streams are served by goroutines.
type Listener struct {
	net.Listener
	// Closed is called once for each connection that is closed while it is the server's; for one that was parked
	// Options.Released is. nil: nobody counts. It must not block.
	Closed func()
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(SendBuffer) // it serves without, only less well
	}
	return &conn{Conn: c, closed: l.Closed}, nil
}

type connKey struct{}

// ConnContext is for the field of this name of [net/http.Server].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(*conn); !ok {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, c)
}

// conn is a connection that a handler can take over from its server.
type conn struct {
	net.Conn
	closed func()
	heads  heads

	mu    sync.Mutex             // guards all below
	over  bool                   // the server has closed it
	taker func(*conn)            // not nil: who gets it instead of its being closed
	taken atomic.Pointer[[]byte] // not nil: the head of the answer, as far as it has been written
}

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.heads.read(b[:n])
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	if head := c.taken.Load(); head != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		*head = append(*head, b...)
		return len(b), nil
	}
	c.heads.answered.Store(true)
	return c.Conn.Write(b)
}

// take makes the next Close give the connection to the taker, which closes it in its own time. What is written until
// then is kept for it.
func (c *conn) take(taker func(*conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taker = taker
	c.taken.Store(new([]byte))
}

// CloseWrite is what the server looks for to end an answer to a request that it has not read to its end, without a reset.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.over = true
	taker := c.taker
	c.mu.Unlock()
	if taker != nil {
		taker(c)
		return nil
	}
	err := c.Conn.Close()
	if c.closed != nil {
		c.closed()
	}
	return err
}

// heads follows where the heads of requests end, since the server does not tell what it has read beyond.
type heads struct {
	line     uint8       // 1: after a line break, 2: after a line break and CR
	ended    bool        // the head has ended
	beyond   atomic.Bool // and something came after it
	answered atomic.Bool // what comes next is another request
}

func (h *heads) read(b []byte) {
	if len(b) == 0 {
		return
	}
	if h.answered.Swap(false) {
		h.line, h.ended = 0, false
		h.beyond.Store(false)
	}
	for !h.ended && len(b) > 0 {
		switch {
		case h.line == 0: // within a line
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				return
			}
			h.line, b = 1, b[i+1:]
			continue
		case b[0] == '\n':
			h.ended = true
		case b[0] == '\r' && h.line == 1:
			h.line = 2
		default:
			h.line = 0
		}
		b = b[1:]
	}
	if h.ended && len(b) > 0 {
		h.beyond.Store(true)
	}
}
