package parked

import (
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// How a connection is taken over: the handler writes the head of the response and returns, and the server closes the
// connection. But the server's connection is a [Conn]: it keeps the head, and its Close hands the connection over instead of
// closing it. Hijacking would do the same, but then the server's buffers, 8 KiB for each connection, become garbage: two
// thirds of what a crowd leaves.

// Listener wraps the listener of a server, so that its streams can be parked. The server also needs [ConnContext].
type Listener struct {
	net.Listener
	// Admit returns what is told what becomes of a new connection, or false to close it at once. It must not block. nil: all
	// are admitted.
	Admit func(remote net.Addr) (Watch, bool)
}

// Watch is told what becomes of a connection. Its functions must not block; nil: not called.
type Watch struct {
	End    func(handedOver bool) // once, when the server is done with it: it is closed, or handed over
	Stream func(n int)           // n more streams are carried by it without being handed over
}

// SendBuffer is the size in bytes of SO_SNDBUF: what the kernel may hold for a peer that does not read. The kernel doubles it
// for its own bookkeeping. Its default would hold megabytes of outdated versions.
const SendBuffer = 16 << 10

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	var watch Watch
	for l.Admit != nil {
		var ok bool
		if watch, ok = l.Admit(c.RemoteAddr()); ok {
			break
		}
		c.Close()
		if c, err = l.Listener.Accept(); err != nil {
			return nil, err
		}
	}
	if socket, ok := c.(interface{ SetWriteBuffer(int) error }); ok {
		_ = socket.SetWriteBuffer(SendBuffer) // an error does no harm: the buffer is larger then
	}
	return &Conn{Conn: c, watch: watch}, nil
}

type connKey struct{}

// ConnContext is the value for the field of this name of [net/http.Server].
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		over, ok := c.(interface{ NetConn() net.Conn }) // TLS, or another layer that knows what is below
		if !ok {
			break
		}
		c = over.NetConn()
	}
	if _, ok := c.(*Conn); !ok {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, c)
}

// Conn is a connection that a handler can take over from its server.
type Conn struct {
	net.Conn
	watch Watch

	mu    sync.Mutex                    // guards all below
	over  bool                          // the server has called Close
	taker func(c net.Conn, head []byte) // gets the connection when the server calls Close; nil: it is closed
	head  []byte                        // of the response, kept for the taker
}

// Of returns the connection of r if a stream on it can be parked: plain HTTP/1.x over a socket, from a [Listener]. nil: the
// stream needs a goroutine.
func Of(r *http.Request) *Conn {
	c, ours := r.Context().Value(connKey{}).(*Conn)
	if !Supported || !ours || r.TLS != nil || r.ProtoMajor != 1 {
		return nil
	}
	if _, socket := c.Conn.(syscall.Conn); !socket {
		return nil
	}
	return c
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.taker != nil {
		defer c.mu.Unlock()
		c.head = append(c.head, b...)
		return len(b), nil
	}
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// HandOver makes the next Close give the connection to taker, which must close it. Until then Write keeps the bytes for the
// taker: the head of a response, to be sent before anything else. The handler must flush it. What the server has read beyond the
// request is lost: a second request has no answer before the stream ends, and then the connection closes, so a client repeats it.
func (c *Conn) HandOver(taker func(c net.Conn, head []byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taker = taker
}

// CloseWrite is called by the server after a response, if it did not read the whole request. It avoids a reset.
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
	taker, head := c.taker, c.head
	c.mu.Unlock()
	if taker != nil {
		c.end(true)
		taker(c.Conn, head)
		return nil
	}
	err := c.Conn.Close()
	c.end(false)
	return err
}

func (c *Conn) end(handedOver bool) {
	if c.watch.End != nil {
		c.watch.End(handedOver)
	}
}

// Carry notes that the connection of r carries one more stream that is not handed over, until the caller calls done.
func Carry(r *http.Request) (done func()) {
	c, ours := r.Context().Value(connKey{}).(*Conn)
	if !ours || c.watch.Stream == nil {
		return func() {}
	}
	c.watch.Stream(1)
	return func() { c.watch.Stream(-1) }
}
