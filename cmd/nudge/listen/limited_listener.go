package listen

import (
	"net"
	"sync"

	"nudge/gateway/limits"
)

// limitedListener is a listener whose connections each need a place.
type limitedListener struct {
	net.Listener
	places *limits.Connections
	closed chan struct{}
	once   sync.Once
}

func newLimitedListener(l net.Listener, places *limits.Connections) *limitedListener {
	return &limitedListener{Listener: l, places: places, closed: make(chan struct{})}
}

// Accept waits for a free place first; meanwhile the kernel queues new connections.
func (l *limitedListener) Accept() (net.Conn, error) {
	if !l.places.Take(l.closed) {
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.places.Give()
		return nil, err
	}
	return c, nil
}

// Close ends Accept.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
