package parked

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// The handler answers with a head alone and returns, and the server closes the connection as it would any other. But the
// connection is ours: it has kept the head, and is handed over instead of being closed. Hijacking would do the same, but the
// server's buffers, 8 KiB for each connection, would then be garbage: two thirds of what a crowd leaves.

// Listener is what a server must listen with if its streams are to be parked, together with [ConnContext].
type Listener struct {
	net.Listener
	// Closed is called once for each connection that is closed and was not handed over; nil: nobody counts. It must not
	// block.
	Closed func()
}

// SendBuffer is what the kernel may hold for a connection whose peer does not read, in bytes, as it is set with
// SO_SNDBUF; the kernel doubles it for its own bookkeeping. By itself it would hold megabytes of versions that are no
// longer true.
const SendBuffer = 16 << 10

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(SendBuffer) // it serves without, only less well
	}
	return &Conn{Conn: c, closed: l.Closed}, nil
}

type connKey struct{}

// ConnContext is for the field of this name of [net/http.Server].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(*Conn); !ok {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Conn is a connection that a handler can take over from its server.
type Conn struct {
	net.Conn
	closed func()

	mu    sync.Mutex        // guards all below
	heads heads             // of requests
	over  bool              // the server has closed it
	taker func(*HandedOver) // who gets the connection instead of its being closed; nil: nobody
	head  []byte            // of the response, as far as it was written for the taker
}

// HandedOver is a connection that its server is done with.
type HandedOver struct {
	Conn net.Conn
	Head []byte // of the response: to be sent before anything else
	Sent bool   // the browser has sent more than the head of its request
}

// Of returns the connection of r if a stream on it can be parked: plain HTTP/1.x over TCP, from a [Listener]. nil: the
// stream needs a goroutine.
func Of(r *http.Request) *Conn {
	c, ours := r.Context().Value(connKey{}).(*Conn)
	if !Supported || !ours || r.TLS != nil || r.ProtoMajor != 1 {
		return nil
	}
	if _, tcp := c.Conn.(*net.TCPConn); !tcp {
		return nil
	}
	return c
}

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.heads.read(b[:n])
	c.mu.Unlock()
	return n, err
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.taker != nil {
		defer c.mu.Unlock()
		c.head = append(c.head, b...)
		return len(b), nil
	}
	c.heads.answered = true
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// HandOver makes the next Close give the connection to a taker, which must close it. What is written until then is kept
// for the taker: the head of a response, which must be flushed.
func (c *Conn) HandOver(taker func(*HandedOver)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taker = taker
}

// CloseWrite is what the server calls to end the response to a request that it has not read to its end, without a reset.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements [net.Conn].
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.over = true
	taker, over := c.taker, &HandedOver{c.Conn, c.head, c.heads.beyond}
	c.mu.Unlock()
	if taker != nil {
		taker(over)
		return nil
	}
	err := c.Conn.Close()
	if c.closed != nil {
		c.closed()
	}
	return err
}

// heads finds where the heads of requests end, since the server does not tell what it has read beyond.
type heads struct {
	line     uint8 // 1: after a line break, 2: after a line break and CR
	ended    bool  // the head has ended
	beyond   bool  // and something came after it
	answered bool  // what comes next is another request
}

func (h *heads) read(b []byte) {
	if len(b) == 0 {
		return
	}
	if h.answered {
		*h = heads{}
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
		h.beyond = true
	}
}
