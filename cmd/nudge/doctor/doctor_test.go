package doctor

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway/auth"
)

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
		{"nothing, over TLS", "", "", func(s *site) { serveTLS(s, true, "example.com") }},
		{"Host rewritten, over TLS to a browser that says same-origin", "", "", func(s *site) {
			serveTLS(s, true, "example.com")
			s.request = func(r *http.Request) { r.Host = "127.0.0.1:8080" }
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
		{"cookie dropped", "cookie", "come back to the gateway", func(s *site) {
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
		{"nothing, over HTTP/2", "", "", func(s *site) { serveTLS(s, true, "example.com"); s.http2 = true }},
		{"buffered over HTTP/1.1 alone", "events", "over HTTP/1.1", func(s *site) {
			serveTLS(s, true, "example.com")
			s.http2 = true
			held := holdBack(func(held, now []byte) ([]byte, []byte) { return nil, append(held, now...) })
			s.handler = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.ProtoMajor == 1 {
					held(w, r, next)
					return
				}
				next.ServeHTTP(w, r)
			}
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
