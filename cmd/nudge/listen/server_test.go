package listen

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nudge/gateway/limits"
)

// A limitedListener lets no more in than it has places, and whoever leaves makes room.
func TestConnLimit(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Open(Options{Key: "listen", Address: "127.0.0.1:0", Handler: http.NotFoundHandler(), Places: limits.NewConnections(1, log), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	l := s.Listener
	done := make(chan error)
	go func() { done <- s.Run() }()

	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return c
	}
	first := dial()
	if _, err := first.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	second := dial()
	answered := make(chan error, 1)
	go func() {
		_, err := second.Read(make([]byte, 1))
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("a second one was let in (%v)", err)
	default:
	}
	first.Close()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	second.Close()
	s.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// HTTP/2 without TLS is taken only if it is asked for: its streams are dear.
func TestH2C(t *testing.T) {
	for _, h2c := range []bool{false, true} {
		log := slog.New(slog.DiscardHandler)
		s, err := Open(Options{Key: "listen", Address: "127.0.0.1:0", H2C: h2c, Handler: http.NotFoundHandler(), Places: limits.NewConnections(9, log), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- s.Run() }()
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		resp, err := (&http.Client{Transport: transport}).Get("http://" + s.Listener.Addr().String())
		if taken := err == nil && resp.ProtoMajor == 2; taken != h2c {
			t.Errorf("h2c: %v, taken: %v (%v)", h2c, taken, err)
		}
		transport.CloseIdleConnections()
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A renewed certificate is used for the next connection.
func TestSetCertificate(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Open(Options{
		Key: "listen", Address: "127.0.0.1:0", Certificate: newCertificate(t, 1), Handler: http.NotFoundHandler(),
		Places: limits.NewConnections(9, log), Log: log,
	})
	must(t, err)
	done := make(chan error)
	go func() { done <- s.Run() }()
	for serial := int64(1); serial < 3; serial++ {
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		if got := c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("certificate %d is served, want %d", got, serial)
		}
		c.Close()
		s.SetCertificate(newCertificate(t, serial+1))
	}
	s.Stop()
	must(t, <-done)
}

// TLS begins with 1.2: what is older is broken.
func TestOldTLSIsRefused(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Open(Options{
		Key: "listen", Address: "127.0.0.1:0", Certificate: newCertificate(t, 1), Handler: http.NotFoundHandler(),
		Places: limits.NewConnections(0, log), Log: log,
	})
	must(t, err)
	done := make(chan error)
	go func() { done <- s.Run() }()
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			c.Close()
		}
	}
	s.Stop()
	must(t, <-done)
}

// The head of a request is bounded, in its line and in its headers, and a slow one has a deadline.
func TestHeadIsBounded(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	s, err := Open(Options{Key: "listen", Address: "127.0.0.1:0", Handler: http.NotFoundHandler(), Places: limits.NewConnections(9, log), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Run() }()
	long := strings.Repeat("x", headerBytes)
	for head, want := range map[string]string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n":                                                         "404",
		"GET /" + long[:headerBytes/2] + " HTTP/1.1\r\nHost: x\r\n\r\n":                             "404",
		"GET /" + long + " HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 1000) + "\r\n":     "431",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + long + strings.Repeat(long[:99], 99) + "\r\n\r\n": "431",
	} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(c, head) // the server may close before it has read all
		answer := make([]byte, 12)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer[9:]) != want {
			t.Errorf("%.20s… of %d bytes: %q %v, want %s", head, len(head), answer, err, want)
		}
		c.Close()
	}
	if s.ReadHeaderTimeout <= 0 || s.ReadHeaderTimeout > time.Minute || s.IdleTimeout <= 0 || s.IdleTimeout > 5*time.Minute {
		t.Errorf("a head may take %v, and an idle connection %v", s.ReadHeaderTimeout, s.IdleTimeout)
	}
	s.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
