package listen

import (
	"bufio"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
	"golang.org/x/time/rate"

	"nudge/gateway/limits"
	"nudge/gateway/stream/parked"
)

// proxyHeaders is a listener whose trusted proxies begin each connection with a PROXY header, version 1 or 2, which names the
// client. Others must not send one: they would choose the address by which limits count them.
type proxyHeaders struct {
	*parked.Listener
	places *limits.Connections
	log    *slog.Logger
	lines  *rate.Limiter
}

// headerBuffer holds what may be read beyond a PROXY header, in bytes. A server reads more than that at once, so nothing is left
// here when a stream is parked.
const headerBuffer = 256

// Accept does not wait for the header: a slow client must not hold the others up.
func (l *proxyHeaders) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || !l.places.Trusts(c.RemoteAddr()) {
		return c, err
	}
	return &proxiedConn{Conn: c.(*parked.Conn), listener: l}, nil
}

// proxiedConn is a connection of a trusted proxy.
type proxiedConn struct {
	*parked.Conn
	listener *proxyHeaders

	once   sync.Once
	client net.Addr // nil: the proxy itself
	rest   []byte   // read beyond the header
	err    error    // there is no good header
}

// NetConn returns the connection below.
func (c *proxiedConn) NetConn() net.Conn { return c.Conn }

// RemoteAddr implements [net.Conn]: the client's address. The server asks for it first, in the goroutine of the connection.
func (c *proxiedConn) RemoteAddr() net.Addr {
	c.once.Do(c.readHeader)
	if c.client != nil {
		return c.client
	}
	return c.Conn.RemoteAddr()
}

// Read implements [net.Conn].
func (c *proxiedConn) Read(b []byte) (int, error) {
	c.once.Do(c.readHeader)
	if c.err != nil {
		return 0, c.err
	}
	if len(c.rest) > 0 {
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *proxiedConn) readHeader() {
	_ = c.SetReadDeadline(time.Now().Add(headerTimeout)) // if it fails, the read fails too
	r := bufio.NewReaderSize(c.Conn, headerBuffer)
	header, err := proxyproto.Read(r)
	if err != nil {
		if c.err = err; c.listener.lines.Allow() {
			c.listener.log.Warn("a trusted proxy began a connection without a PROXY header, so it was refused", "proxy", c.Conn.RemoteAddr().String(), "error", err,
				"fix", "let the proxy send one (HAProxy: send-proxy-v2 and check-send-proxy), or write proxy_protocol: false")
		}
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	c.rest = make([]byte, r.Buffered())
	_, _ = r.Read(c.rest) // it is in memory
	if at, ok := header.SourceAddr.(*net.TCPAddr); ok && !header.Command.IsLocal() {
		c.client = at
	}
}
