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
	"os"
	"slices"
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

// hold is a proxy that holds streams back.
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

// Each hop is broken in turn: that one is named, and no other.
func TestNamesTheBrokenHop(t *testing.T) {
	for _, test := range []struct {
		name  string
		want  string // the hop; "": none
		says  string
		fault func(*site)
	}{
		{"nothing", "", "", func(*site) {}},
		{"nothing, from another origin", "", "", foreign},
		{"nothing, compressed event by event", "", "", func(s *site) { s.handler = packed(true) }},
		{"nothing, behind a password", "", "", func(s *site) {
			s.options.URL.User = url.UserPassword("ann", "letmein")
			s.handler = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if _, password, _ := r.BasicAuth(); password != "letmein" && r.Method != http.MethodOptions {
					w.Header().Set("WWW-Authenticate", "Basic")
					http.Error(w, "who are you?", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r)
			}
		}},
		{"nothing, with another claim", "", "", func(s *site) {
			s.options.Claim, s.gateway.Settings.Auth.Claims.Subscribe = "watches", "watches"
			s.claims["watches"], s.claims["subscribe"] = s.claims["subscribe"], "nothing"
		}},
		{"nothing, without tokens", "", "", func(s *site) { s.claims, s.gateway.Settings.Auth = nil, auth.Settings{Open: true} }},
		{"nothing, below base_path", "", "", func(s *site) {
			s.gateway.BasePath = "/push"
			s.options.URL.Path = "/push"
		}},
		{"another base_path", "http", "begin with /push (base_path)", func(s *site) { s.gateway.BasePath = "/push" }},
		{"page over TLS, gateway not", "http", "mixed content", func(s *site) { s.options.Origin = "https://app.example.com" }},
		{"no such name", "dns", "no such host", func(s *site) {
			s.options.lookup = func(context.Context, string) ([]string, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "push.example.com", IsNotFound: true}
			}
		}},
		{"closed port", "tcp", "connection refused", func(s *site) { s.closed = true }},
		{"certificate of nobody", "tls", "certificate signed by unknown authority", func(s *site) { serveTLS(s, false, "example.com") }},
		{"certificate of another name", "tls", "not push.example.org", func(s *site) { serveTLS(s, true, "push.example.org") }},
		{"no gateway at the path", "http", "404", func(s *site) {
			s.handler = func(w http.ResponseWriter, r *http.Request, _ http.Handler) { http.NotFound(w, r) }
		}},
		{"gateway away", "http", "502", func(s *site) {
			s.handler = func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				http.Error(w, "Bad Gateway", http.StatusBadGateway)
			}
		}},
		{"a password", "http", "password", func(s *site) {
			s.handler = func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
				w.Header().Set("WWW-Authenticate", "Basic")
				http.Error(w, "who are you?", http.StatusUnauthorized)
			}
		}},
		{"token expired", "clock", "expired 5m", func(s *site) { s.claims["exp"] = time.Now().Add(-5 * time.Minute).Unix() }},
		{"clock ahead", "clock", "in the future", func(s *site) {
			s.claims["iat"], s.claims["nbf"] = time.Now().Add(time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
			s.claims["exp"] = time.Now().Add(2 * time.Hour).Unix()
		}},
		{"/session blocked", "session", "404", func(s *site) { s.handler = block("/session") }},
		{"token header dropped", "session", "does not arrive", func(s *site) {
			s.request = func(r *http.Request) { r.Header.Del("X-Nudge-Token") }
		}},
		{"token of another secret", "token", "not accepted", func(s *site) { s.gateway.Settings.Auth.Secret = "another secret of thirty-two bytes" }},
		{"no token", "token", "a token is needed", func(s *site) { s.claims = nil }},
		{"Host rewritten", "host", "push.example.com arrives as 127.0.0.1:8080", func(s *site) {
			s.request = func(r *http.Request) { r.Host = "127.0.0.1:8080" }
		}},
		{"origin not listed", "cors", "refuses pages of http://other.example.com", func(s *site) { s.options.Origin = "http://other.example.com" }},
		{"preflight eaten", "cors", "405", func(s *site) {
			foreign(s)
			s.handler = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.Method == http.MethodOptions {
					http.Error(w, "no", http.StatusMethodNotAllowed)
					return
				}
				next.ServeHTTP(w, r)
			}
		}},
		{"preflight answered by the proxy", "cors", "allows *", func(s *site) {
			foreign(s)
			s.answer = func(r *http.Response) { r.Header.Set("Access-Control-Allow-Origin", "*") }
		}},
		{"tracing header refused", "tracing", "refuses traceparent", func(s *site) {
			foreign(s)
			s.request = func(r *http.Request) {
				const list = "Access-Control-Request-Headers"
				r.Header.Set(list, strings.Replace(r.Header.Get(list), "traceparent,", "", 1))
			}
		}},
		{"cookie dropped", "cookie", "does not come back", func(s *site) {
			s.request = func(r *http.Request) { r.Header.Del("Cookie") }
		}},
		{"cookie dropped for streams alone", "cookie", "at /events", func(s *site) {
			s.request = func(r *http.Request) {
				if isStream(r) {
					r.Header.Del("Cookie")
				}
			}
		}},
		{"Set-Cookie dropped", "cookie", "no Set-Cookie", func(s *site) {
			s.answer = func(r *http.Response) { r.Header.Del("Set-Cookie") }
		}},
		{"Secure cookie over HTTP", "cookie", "is Secure", func(s *site) { s.gateway.Settings.Auth.CookieSecure = "always" }},
		{"scope missing", "scope", "does not cover 42", func(s *site) { s.options.Projects = []string{"42"} }},
		{"scope of another project", "scope", "does not cover 42", func(s *site) {
			s.options.Projects, s.claims["subscribe"] = []string{"42"}, []string{"7"}
		}},
		{"one of two projects denied", "scope", "does not cover 42", func(s *site) { s.options.Projects = []string{TestProject, "42"} }},
		{"push off", "push", "off", func(s *site) { s.gateway.Settings.Flag.Enabled = false }},
		{"buffered whole", "events", "more than 8 kB", func(s *site) {
			s.handler = holdBack(func(held, now []byte) ([]byte, []byte) { return nil, append(held, now...) })
		}},
		{"buffered until 4 kB", "events", "between 3 and 8 kB", func(s *site) {
			s.handler = holdBack(func(held, now []byte) ([]byte, []byte) {
				if held = append(held, now...); len(held) < 4<<10 {
					return nil, held
				}
				return held, nil
			})
		}},
		{"each write waits for the next", "events", "events wait for the next one", func(s *site) {
			s.handler = holdBack(func(held, now []byte) ([]byte, []byte) { return held, bytes.Clone(now) })
		}},
		{"each event waits for the next", "events", "together with the second", func(s *site) {
			s.handler = holdBack(func(held, now []byte) ([]byte, []byte) {
				if held = append(held, now...); bytes.Count(held, []byte("event:")) < 2 {
					return nil, held
				}
				return held, nil
			})
		}},
		{"compression holds back", "compression", "compression", func(s *site) { s.handler = packed(false) }},
		{"cut after 2 s", "cut", "after 2.0 s", func(s *site) { s.handler = cutAfter(2 * time.Second) }},
		{"cut after 0.5 s", "cut", "after 500 ms", func(s *site) { s.handler = cutAfter(500 * time.Millisecond) }},
		{"cut after 20 s", "cut", "after 20.0 s", func(s *site) { s.handler = cutAfter(20 * time.Second) }},
		{"/events blocked", "events", "404", func(s *site) { s.handler = block("/events") }},
		{"/poll-interval blocked", "poll-interval", "404", func(s *site) { s.handler = block("/poll-interval") }},
		{"long poll blocked", "long-poll", "404", func(s *site) { s.handler = block("/versions") }},
		{"Redis without the gateway", "redis", "another Redis", func(s *site) {
			s.options.Publish = func(context.Context, int64) error { return nil }
		}},
		{"Redis away", "redis", "connection refused", func(s *site) {
			s.options.Publish = func(context.Context, int64) error { return errors.New("connection refused") }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := healthySite()
				test.fault(s)
				report := s.examine(t)
				var text strings.Builder
				says := ""
				for _, f := range report.Checks {
					text.WriteString(f.Text())
					if f.Check == test.want {
						says = f.Says
						if f.Fix == "" {
							t.Errorf("%s has no fix", f.Check)
						}
					}
				}
				want := []string{}
				if test.want != "" {
					want = append(want, test.want)
				}
				if !slices.Equal(report.Broken, want) || report.Good != (test.want == "") || !strings.Contains(says, test.says) {
					t.Errorf("broken: %v; it says %q\n%s", report.Broken, says, text.String())
				}
				if strings.Contains(text.String()+report.URL, "letmein") {
					t.Error("it prints the password")
				}
				if test.want == "" {
					for _, f := range report.Checks {
						if f.Check == "redis" && f.Status != OK {
							t.Errorf("redis was not checked: %s", f.Says)
						}
					}
				}
				if len(report.Checks) != len(Hops) {
					t.Errorf("%d checks of %d", len(report.Checks), len(Hops))
				}
				if s.options.Token != "" && strings.Contains(text.String(), s.options.Token) {
					t.Error("it prints the token")
				}
			})
		})
	}
}

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

// The remedies for the proxies that docs/proxies.md has are lines of it.
func TestRemediesAgreeWithDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	for _, line := range []string{
		remedies[buffering]["nginx"][0], remedies[cut]["nginx"][0], remedies[cut]["HAProxy"][0], remedies[cut]["HAProxy"][1],
		remedies[cut]["Apache"][0], remedies[host]["nginx"][0], remedies[host]["Apache"][0], remedies[path]["HAProxy"][0],
	} {
		if !strings.Contains(text, line) {
			t.Errorf("docs/proxies.md has no line %q", line)
		}
	}
	for kind, lines := range remedies {
		for _, name := range proxyNames {
			if len(lines[name]) == 0 {
				t.Errorf("%s has no lines for %s", kind, name)
			}
		}
	}
}

func TestRecognise(t *testing.T) {
	for _, test := range []struct{ header, value, want string }{
		{"Server", "nginx/1.22.1", "nginx"},
		{"Server", "Caddy", "Caddy"},
		{"Via", "1.1 Caddy", "Caddy"},
		{"Server", "Apache/2.4 (Debian)", "Apache"},
		{"Cf-Ray", "8f", "Cloudflare"},
		{"Server", "envoy", "Envoy"},
		{"Set-Cookie", "AWSALB=x; Path=/", "ALB"},
		{"Server", "unknown", ""},
	} {
		if got := strings.Join(recognise(http.Header{test.header: {test.value}}), " "); got != test.want {
			t.Errorf("%s: %s is %q, not %q", test.header, test.value, got, test.want)
		}
	}
}

// docs/doctor.md shows what the doctor prints.
func TestDocumentedSample(t *testing.T) {
	page, err := os.ReadFile("../../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := healthySite()
		s.request = func(r *http.Request) { r.Host = "127.0.0.1:8080" }
		s.answer = func(r *http.Response) { r.Header.Set("Server", "nginx/1.22.1") }
		s.options.Watch, s.options.Publish, s.options.NoPublish = 30*time.Second, nil, "no Redis is configured here; NUDGE_REDIS_URL gives one"
		var text strings.Builder
		for _, f := range s.examine(t).Checks {
			text.WriteString(f.Text())
		}
		if !strings.Contains(string(page), text.String()) {
			t.Errorf("docs/doctor.md does not have this:\n%s", text.String())
		}
		for _, hop := range Hops {
			if !strings.Contains(string(page), "| `"+hop+"` |") {
				t.Errorf("docs/doctor.md does not say what %s checks", hop)
			}
		}
	})
}
