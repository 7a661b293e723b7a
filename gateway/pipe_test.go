package gateway_test

import (
	"net"
	"sync"
)

// pipeListener accepts the other ends of net.Pipe: a network without a kernel, so that a bubble knows when
// everything in it waits.
type pipeListener struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// pipes listens for callers from 192.0.2.n.
func pipes(n byte) *pipeListener {
	return &pipeListener{
		addr:  &net.TCPAddr{IP: net.IPv4(192, 0, 2, n), Port: 4711},
		conns: make(chan net.Conn), closed: make(chan struct{}),
	}
}

func (l *pipeListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- pipeConn{there, l.addr}:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return l.addr }

type pipeConn struct {
	net.Conn
	remote net.Addr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.remote }
