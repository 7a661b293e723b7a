package main

import (
	"net"
	"sync"

	"nudge/gateway/limits"
)

// slotsForRequests is how many connections are allowed beyond those for streams. The gateway reserves 128 files more.
const slotsForRequests = 384

// connLimit bounds how many connections are open at once. The remaining file descriptors are for Redis, files and the
// operators' server, which is needed most when all others are taken. A connection that the gateway takes over from the
// server keeps its slot until the gateway gives it back.
type connLimit struct {
	taken chan struct{} // holds a token for each open connection
	shut  chan struct{} // closed by close
	once  sync.Once
}

// newConnLimit allows as many connections as the file limit leaves room for.
func newConnLimit() *connLimit { return makeConnLimit(limits.Files() + slotsForRequests) }

func makeConnLimit(most int) *connLimit {
	return &connLimit{taken: make(chan struct{}, most), shut: make(chan struct{})}
}

// take waits for a free slot; false: closed.
func (l *connLimit) take() bool {
	select {
	case l.taken <- struct{}{}:
		return true
	case <-l.shut:
		return false
	}
}

// give gives a slot back.
func (l *connLimit) give() { <-l.taken }

// again returns the same slots for another listener, after the first one has closed.
func (l *connLimit) again() *connLimit { return &connLimit{taken: l.taken, shut: make(chan struct{})} }

func (l *connLimit) close() { l.once.Do(func() { close(l.shut) }) }

// limitedListener is a listener whose connections each need a slot.
type limitedListener struct {
	net.Listener
	slots *connLimit
}

// Accept waits for a free slot first; meanwhile the kernel queues new connections.
func (l *limitedListener) Accept() (net.Conn, error) {
	if !l.slots.take() {
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.slots.give()
		return nil, err
	}
	return c, nil
}

// Close ends Accept.
func (l *limitedListener) Close() error {
	l.slots.close()
	return l.Listener.Close()
}
