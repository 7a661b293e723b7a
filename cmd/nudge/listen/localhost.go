package listen

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
)

// listenTCP listens on host:port. localhost is 127.0.0.1 and, if this machine has IPv6, [::1] too: a browser tries either.
func listenTCP(address string) (net.Listener, error) {
	listening := net.ListenConfig{KeepAlive: -1} // heartbeats find dead streams, time-outs find other dead connections
	listening.SetMultipathTCP(false)             // browsers do not speak it, and accepting through it costs a tenth more
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != "localhost" {
		return listening.Listen(context.Background(), "tcp", address)
	}
	four, err := listening.Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	_, port, _ = net.SplitHostPort(four.Addr().String()) // it may have been 0
	l := &localhost{Listener: four, port: port, accepted: make(chan accepted), closed: make(chan struct{})}
	six, err := listening.Listen(context.Background(), "tcp6", net.JoinHostPort("::1", port))
	if errors.Is(err, syscall.EADDRINUSE) { // another program would answer half of the browsers
		four.Close()
		return nil, err
	}
	if err == nil {
		l.six = six
	}
	return l, nil
}

// localhost is a listener on both loopback addresses.
type localhost struct {
	net.Listener              // on 127.0.0.1
	six          net.Listener // nil: there is no IPv6
	port         string
	start, end   sync.Once
	accepted     chan accepted
	closed       chan struct{}
}

type accepted struct {
	net.Conn
	err error
}

// Accept implements [net.Listener].
func (l *localhost) Accept() (net.Conn, error) {
	if l.six == nil {
		return l.Listener.Accept()
	}
	l.start.Do(func() {
		go l.take(l.Listener)
		go l.take(l.six)
	})
	select {
	case a := <-l.accepted:
		return a.Conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// take hands over what one of the listeners accepts, until it is closed.
func (l *localhost) take(from net.Listener) {
	for {
		c, err := from.Accept()
		select {
		case l.accepted <- accepted{c, err}:
		case <-l.closed:
			if err == nil {
				c.Close()
			}
			return
		}
	}
}

// Close ends Accept.
func (l *localhost) Close() error {
	l.end.Do(func() { close(l.closed) })
	err := l.Listener.Close()
	if l.six != nil {
		err = errors.Join(err, l.six.Close())
	}
	return err
}

// Addr has the name: a page of localhost and a gateway of 127.0.0.1 are two sites for a browser.
func (l *localhost) Addr() net.Addr {
	return named{l.Listener.Addr(), net.JoinHostPort("localhost", l.port)}
}

type named struct {
	net.Addr
	text string
}

func (n named) String() string { return n.text }
