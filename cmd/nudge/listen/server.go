package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"nudge/gateway/limits"
	"nudge/gateway/stream/parked"
)

const (
	// headerTimeout and headerBytes limit the head of a request: slow and long heads cost memory.
	headerTimeout = 10 * time.Second
	headerBytes   = 32 << 10 // 64 projects of 128 characters, and a cookie
	// closeTimeout is how long a server waits for ordinary requests at the end.
	closeTimeout = 5 * time.Second
	// stuckTimeout ends an HTTP/2 connection whose peer takes nothing at all. Deadlines of requests do not: their streams end,
	// but the connection stays.
	stuckTimeout = 5 * time.Minute
)

// Server is one listener and what it serves.
type Server struct {
	http.Server
	Listener net.Listener

	certificate atomic.Pointer[tls.Certificate]
}

// Options say what a server listens on, and what it serves.
type Options struct {
	Key          string              // of the configuration, which holds Address; errors name it
	Address      string              // host:port, the path of a unix socket, systemd or systemd:NAME
	SocketMode   fs.FileMode         // of a unix socket
	ProxyHeaders bool                // trusted proxies begin each connection with a PROXY header
	Certificate  *tls.Certificate    // nil: plain HTTP
	H2C          bool                // the server also takes HTTP/2 without TLS
	Handler      http.Handler        // may be set later, before [Server.Run]
	Places       *limits.Connections // each connection takes one
	Log          *slog.Logger
}

// Open listens. The caller must call [Server.Run], or close the listener. An error names the key and the fix.
func Open(o Options) (*Server, error) {
	l, err := open(o.Address, o.SocketMode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; %s", o.Key, err, listenFix(o.Address, err))
	}
	own := &parked.Listener{Listener: l, Admit: func(remote net.Addr) (parked.Watch, bool) {
		c := o.Places.Admit(remote)
		if c == nil {
			return parked.Watch{}, false
		}
		return parked.Watch{End: c.End, Stream: c.Stream}, true
	}}
	l = own
	if o.ProxyHeaders {
		l = &proxyHeaders{own, o.Places, o.Log, rate.NewLimiter(rate.Every(time.Minute), 1)}
	}
	s := &Server{Listener: newLimitedListener(l, o.Places)}
	s.Handler, s.ConnContext = o.Handler, parked.ConnContext
	s.ReadHeaderTimeout, s.MaxHeaderBytes, s.IdleTimeout = headerTimeout, headerBytes, 2*time.Minute
	s.ErrorLog = slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug) // else every port scan would write a line
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(o.H2C)
	s.HTTP2 = &http.HTTP2Config{WriteByteTimeout: stuckTimeout}
	if o.Certificate != nil {
		s.certificate.Store(o.Certificate)
		s.TLSConfig = &tls.Config{GetCertificate: s.present, MinVersion: tls.VersionTLS12}
	}
	return s, nil
}

func (s *Server) present(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.certificate.Load(), nil
}

// SetCertificate changes the certificate for new connections. It has no effect on a server without TLS.
func (s *Server) SetCertificate(c *tls.Certificate) { s.certificate.Store(c) }

// listenFix says what to do when an address cannot be listened on.
func listenFix(address string, err error) string {
	var name *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "choose another address, or stop the program that uses it"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine has no such address; choose one that it has, such as 127.0.0.1:8080"
	case errors.Is(err, syscall.EACCES) && !strings.HasPrefix(address, pathBegin):
		return "choose a port from 1024, or let this program use low ports (setcap cap_net_bind_service=+ep)"
	case errors.Is(err, errNoSocket):
		return "choose another path, or remove the file"
	case errors.Is(err, errNonePassed):
		return "start this by a socket unit of systemd, with FileDescriptorName= for systemd:NAME, or write host:port"
	case strings.HasPrefix(address, pathBegin):
		return "choose a path in a directory that exists, and in which this user may write"
	case errors.As(err, &name):
		return "write an address of this machine instead of the name, such as 127.0.0.1:8080"
	}
	return "choose another address"
}

// Run serves until [Server.Stop].
func (s *Server) Run() error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(s.Listener, "", "")
	} else {
		err = s.Serve(s.Listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stop stops listening, waits a moment for requests to end, and cuts those that do not.
func (s *Server) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		s.Close()
	}
}
