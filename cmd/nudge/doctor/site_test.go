package doctor

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/version"
)

const secret = "a secret of thirty-two bytes or more"

// pipes is a network within a bubble of fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (l *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

// site is a gateway with a proxy before it that breaks one hop.
type site struct {
	options Options
	gateway gateway.Options
	source  *version.Memory
	claims  jwt.MapClaims
	// The proxy changes requests and answers, and replaces the body of a stream. nil: it does not.
	request func(*http.Request)
	answer  func(*http.Response)
	handler func(w http.ResponseWriter, r *http.Request, next http.Handler)
	tls     *tls.Config
	http2   bool // over TLS also HTTP/2
	closed  bool // nothing listens
}

// examine serves the site, and examines it.
func (s *site) examine(t *testing.T) Report {
	t.Helper()
	s.gateway.Source = func(board *version.Board, host gateway.Host) (version.Source, error) {
		s.source = version.NewMemory(board, version.MemoryOptions{Evidence: host.Evidence})
		return s.source, nil
	}
	g, err := gateway.New(s.gateway)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- g.Run(ctx) }()
	synctest.Wait()

	inside, outside := newPipes(), newPipes()
	behind := &http.Server{Handler: g.Handler()}
	go behind.Serve(inside)
	transport := &http.Transport{DialContext: inside.dial, DisableCompression: true}
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, ErrorLog: nil,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "gateway"
			r.Out.Host = r.In.Host
			if s.request != nil {
				s.request(r.Out)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if s.answer != nil {
				s.answer(r)
			}
			return nil
		},
	}
	front := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.handler != nil {
			s.handler(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	switch {
	case s.closed:
		outside.Close()
	case s.tls != nil && s.http2:
		front.TLSConfig = s.tls
		go front.ServeTLS(outside, "", "")
	case s.tls != nil:
		go front.Serve(tls.NewListener(outside, s.tls))
	default:
		go front.Serve(outside)
	}
	if s.claims != nil {
		s.options.Token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, s.claims).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
	}
	s.options.dial = outside.dial
	if s.options.lookup == nil {
		s.options.lookup = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	}
	report := Run(ctx, s.options)
	stop()
	front.Close()
	behind.Close()
	outside.Close()
	inside.Close()
	transport.CloseIdleConnections()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	return report
}

// healthySite is a site where all is well.
func healthySite() *site {
	now := time.Now()
	u, _ := url.Parse("http://push.example.com")
	s := &site{claims: jwt.MapClaims{
		"aud": "nudge", "sub": "ann", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "subscribe": []string{TestProject},
	}}
	s.options = Options{URL: u, Watch: 40 * time.Second}
	s.options.Publish = func(ctx context.Context, v int64) error {
		p, _ := version.ParseProject(TestProject)
		_, err := s.source.Publish(ctx, []version.News{{Project: p, Version: version.Version(v)}})
		return err
	}
	s.gateway = gateway.Options{
		Node: "gw-1", Instance: "i-1", Cookie: "nudge", Proven: true,
		Settings: gateway.Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100, Ramp: time.Minute},
			Policy: fallback.Policy{
				Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second, Jitter: 0.2, Heartbeat: 25 * time.Second,
			},
			Auth: auth.Settings{Secret: secret, Leeway: 30 * time.Second},
			CORS: auth.CORS{Origins: []string{"http://app.example.com"}},
		},
	}
	return s
}

func isStream(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/events") }

// block answers a path as an application does that does not know it.
func block(path string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == path {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// holding is a writer of a proxy that holds streams back: pass decides what to do with the bytes so far.
type holding struct {
	http.ResponseWriter
	held     []byte
	encoding string // "": as it is
	pass     func(held, now []byte) (out, rest []byte)
}

func (h *holding) Write(b []byte) (int, error) {
	out, rest := h.pass(h.held, b)
	h.held = rest
	if len(out) > 0 {
		if _, err := h.ResponseWriter.Write(out); err != nil {
			return 0, err
		}
		http.NewResponseController(h.ResponseWriter).Flush()
	}
	return len(b), nil
}

func (h *holding) WriteHeader(status int) {
	if h.encoding != "" {
		h.Header().Set("Content-Encoding", h.encoding)
	}
	h.ResponseWriter.WriteHeader(status)
}

func (h *holding) FlushError() error { return nil }

// holdBack is a proxy that holds streams back.
func holdBack(pass func(held, now []byte) (out, rest []byte)) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isStream(r) {
			w = &holding{ResponseWriter: w, pass: pass}
		}
		next.ServeHTTP(w, r)
	}
}

// packed is a proxy that compresses streams if it may, and passes on what is held only if it flushes.
func packed(flushes bool) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !isStream(r) || r.Header.Get("Accept-Encoding") != "gzip" {
			next.ServeHTTP(w, r)
			return
		}
		var text bytes.Buffer
		zip := gzip.NewWriter(&text)
		next.ServeHTTP(&holding{ResponseWriter: w, encoding: "gzip", pass: func(_, now []byte) ([]byte, []byte) {
			zip.Write(now)
			if flushes {
				zip.Flush()
			}
			out := bytes.Clone(text.Bytes())
			text.Reset()
			return out, nil
		}}, r)
	}
}

// foreign makes the page one of another origin, which the gateway lists.
func foreign(s *site) { s.options.Origin = "http://app.example.com" }

// cutAfter is a proxy that ends streams.
func cutAfter(age time.Duration) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if isStream(r) {
			ctx, stop := context.WithTimeout(r.Context(), age)
			defer stop()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	}
}

// serveTLS serves the certificate of httptest, which is for example.com and its sub-domains.
func serveTLS(s *site, known bool, name string) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	s.tls = &tls.Config{Certificates: server.TLS.Certificates, Time: time.Now}
	s.options.URL = &url.URL{Scheme: "https", Host: name}
	s.options.Roots = x509.NewCertPool()
	if known {
		s.options.Roots.AddCert(server.Certificate())
	}
}
