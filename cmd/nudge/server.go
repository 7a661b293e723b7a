package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// headTime and headBytes bound the head of a request: slow and long ones cost memory.
	headTime  = 10 * time.Second
	headBytes = 32 << 10 // 64 projects of 128 characters, and a cookie
	// sendBuffer is what the kernel may hold for a reader that does not read; its own choice would be
	// megabytes of versions that are no longer true.
	sendBuffer = 16 << 10
	// closeTime is how long a server waits for ordinary requests at the end.
	closeTime = 5 * time.Second
)

// server is one listener and what it serves.
type server struct {
	http.Server
	listener net.Listener
}

// listen opens a listener, plain or with TLS. key names the configuration that says where.
func listen(key, address string, tlsc TLSConfig, handler http.Handler, log *slog.Logger) (*server, error) {
	config := net.ListenConfig{KeepAlive: -1} // heartbeats find the dead
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose another address, or end what uses it", key, err)
	}
	s := &server{listener: smallBuffers{l}}
	s.Handler = handler
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

// smallBuffers is a listener whose connections hold little back.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // it serves without, only less well
	}
	return c, err
}
