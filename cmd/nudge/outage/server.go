package outage

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// Server is a gateway's server that can be stopped, like a process that is killed: it stops listening, and its connections
// break. It listens on an address of its own, which only a [Proxy] knows.
type Server struct {
	// Listen opens a listener and returns what serves it. It is called for each start.
	Listen func() (net.Listener, *http.Server, error)
	// Proxy is told where the server listens. Its connections break when the server stops: the gateway has taken those of
	// streams over, so the server cannot break them.
	Proxy *Proxy

	mu      sync.Mutex // guards all below
	server  *http.Server
	started bool // at some time
	serving sync.WaitGroup
}

// On tells whether the server runs.
func (s *Server) On() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server != nil
}

// Set starts the server, or stops it. The error is that of Listen.
func (s *Server) Set(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on == (s.server != nil):
		return nil
	case !on:
		s.server.Close()
		s.server = nil
		s.Proxy.cut()
		return nil
	}
	l, server, err := s.Listen()
	if err != nil {
		return err
	}
	s.server, s.started = server, true
	s.Proxy.moved(l.Addr().String())
	s.serving.Go(func() { server.Serve(l) })
	return nil
}

// Run waits until ctx ends, and then stops the server. Before that, Set must have started it.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	started := s.started // a visitor may have stopped it since then
	s.mu.Unlock()
	if !started {
		return errors.New("the gateway's server was not started")
	}
	<-ctx.Done()
	s.Set(false)
	s.serving.Wait()
	return nil
}
