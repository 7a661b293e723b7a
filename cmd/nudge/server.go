package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"nudge/cmd/nudge/config"
	"nudge/gateway"
	"nudge/gateway/limits"
)

const (
	// headTime and headBytes bound the head of a request: slow and long ones cost memory.
	headTime  = 10 * time.Second
	headBytes = 32 << 10 // 64 projects of 128 characters, and a cookie
	// keptForRequests are connections beyond those for streams: what the gateway keeps from streams, less 128.
	keptForRequests = 384
	// closeTime is how long a server waits for ordinary requests at the end.
	closeTime = 5 * time.Second
)

// server is one listener and what it serves.
type server struct {
	http.Server
	listener net.Listener
}

// listen opens a listener, plain or with TLS. key names the configuration that says where; places are for its
// connections.
func listen(key, address string, tlsc config.TLS, handler http.Handler, places *places, log *slog.Logger) (*server, error) {
	listening := net.ListenConfig{KeepAlive: -1} // heartbeats find dead streams, and time-outs all else
	l, err := listening.Listen(context.Background(), "tcp", address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; choose another address, or end what uses it", err)
		}
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	l = &gateway.Listener{Listener: l, Closed: places.give}
	s := &server{listener: &door{Listener: l, places: places}}
	s.Handler, s.ConnContext = handler, gateway.ConnContext
	s.ReadHeaderTimeout, s.MaxHeaderBytes, s.IdleTimeout = headTime, headBytes, 2*time.Minute
	s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug) // every port scan would be a line
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	if tlsc.Cert == "" {
		return s, nil
	}
	pair, err := tls.LoadX509KeyPair(tlsc.Cert, tlsc.Key)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("tls.cert, tls.key: %w", err)
	}
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return s, nil
}

// run serves until close.
func (s *server) run() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.listener, "", "")
	} else {
		err = s.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// close stops listening, waits a moment for requests to end, and cuts those that do not.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		s.Close()
	}
}

// places bound how many connections are open at once: the descriptors that are left are for Redis, files and the
// operators, who are needed most when all are taken. A connection that the gateway takes over from the server
// keeps its place until the gateway gives it back.
type places struct {
	taken chan struct{} // a token for each connection that is open
	shut  chan struct{} // closed by close
	once  sync.Once
}

// newPlaces makes as many as the file limit leaves room for.
func newPlaces() *places { return makePlaces(limits.Files() + keptForRequests) }

func makePlaces(most int) *places {
	return &places{taken: make(chan struct{}, most), shut: make(chan struct{})}
}

// take waits for a free place; false: nobody is let in any more.
func (p *places) take() bool {
	select {
	case p.taken <- struct{}{}:
		return true
	case <-p.shut:
		return false
	}
}

// give gives a place back.
func (p *places) give() { <-p.taken }

func (p *places) close() { p.once.Do(func() { close(p.shut) }) }

// door is a listener whose connections each need a place.
type door struct {
	net.Listener
	places *places
}

// Accept waits for a free place first; meanwhile the kernel queues whoever knocks.
func (d *door) Accept() (net.Conn, error) {
	if !d.places.take() {
		return nil, net.ErrClosed
	}
	c, err := d.Listener.Accept()
	if err != nil {
		d.places.give()
		return nil, err
	}
	return c, nil
}

// Close ends Accept.
func (d *door) Close() error {
	d.places.close()
	return d.Listener.Close()
}
