package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Access is how a connection shows who it is, and what it trusts.
type Access struct {
	Username string
	Password string
	TLS      *tls.Config // nil: plain; of Sentinels too

	SentinelUsername, SentinelPassword string // of the Sentinels themselves; "": none
}

// SetAccess changes how new connections show who they are. Connections that are open stay open: Redis does not ask them again.
// It may be called at any time.
func (r *Source) SetAccess(a Access) { r.opt.access.Store(&a) }

// dialError is an error of a connection that was not made.
type dialError struct {
	addr      string
	announced bool // a Sentinel or a Cluster named the address
	secure    bool // the server was reached, and TLS failed
	err       error
}

func (e *dialError) Error() string {
	if e.secure {
		return fmt.Sprintf("TLS with %s: %v", e.addr, e.err)
	}
	return e.err.Error()
}

func (e *dialError) Unwrap() error { return e.err }

// dial connects to a server, with the access at that time. The library's own dialer does not end with ctx, and does not tell
// whether TLS or the network failed.
func (o *Options) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	fault := &dialError{addr: addr, announced: !slices.Contains(o.Addrs, addr)}
	bare, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		fault.err = err
		return nil, fault
	}
	c := o.access.Load().TLS
	if c == nil {
		return &plainConn{conn{Conn: bare}, bare.(raw)}, nil // as TCP and unix sockets are
	}
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName = addr[:max(0, strings.LastIndexByte(addr, ':'))]
		c.ServerName = strings.Trim(c.ServerName, "[]")
	}
	secure := tls.Client(bare, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		bare.Close()
		fault.secure, fault.err = true, cmp.Or(context.Cause(ctx), err)
		return nil, fault
	}
	return &conn{Conn: secure}, nil
}

// conn is a connection whose server may refuse it at once: in protected mode, with too many clients, or without a certificate of
// the client. The server says so and closes. The library goes on after such a reply, and then fails with a broken pipe.
type conn struct {
	net.Conn
	said atomic.Pointer[replyError] // the last words of the server
}

// plainConn is a conn without TLS.
type plainConn struct {
	conn
	raw // by which the library sees that a pooled connection is closed
}

type raw = syscall.Conn

// Read implements [net.Conn].
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && b[0] == '-' {
		line, _, _ := strings.Cut(string(b[:n]), "\r\n")
		if strings.HasPrefix(line, "-DENIED") || strings.Contains(line, "max number of clients") {
			said := replyError(line[1:])
			c.said.Store(&said)
		}
	}
	return n, c.explain(err)
}

// Write implements [net.Conn]. If it fails, what the server said last may not have been read yet.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && c.said.Load() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lateTime)) // it is there, or the connection is closed
		if _, last := c.Read(make([]byte, briefBuffer)); last != nil && strings.Contains(last.Error(), remoteAlert) {
			err = last
		}
	}
	return n, c.explain(err)
}

// explain returns the server's last words if the connection has ended after them.
func (c *conn) explain(err error) error {
	if said := c.said.Load(); err != nil && said != nil {
		return *said
	}
	return err
}
