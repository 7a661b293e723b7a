package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// TestProject is the project that the doctor publishes to. No application uses it.
const TestProject = "nudge-doctor"

// patience is how long an answer may take: as long as the shim waits for a hello.
const patience = 10 * time.Second

// Options say what to examine.
type Options struct {
	URL      *url.URL // of the gateway, with base_path; it may have user and password for a proxy
	Origin   string   // of the page; "": that of URL
	Token    string   // "": none; then the gateway must be open
	Claim    string   // of the token, which lists projects (auth.claims.subscribe); "": subscribe
	Projects []string // to subscribe to; empty: one that the token covers
	// Watch is how long the stream is watched; 0: not.
	Watch time.Duration
	// Publish publishes a version of TestProject through Redis. nil: that is skipped, for the reason in NoPublish.
	Publish   func(ctx context.Context, version int64) error
	NoPublish string
	// Found is called with each finding, in the order in which they are made. nil: not called.
	Found func(Finding)
	// Busy is called with what takes a while, before it begins. nil: not called.
	Busy func(string)
	// Roots verify the certificate; nil: those of the system.
	Roots *x509.CertPool

	dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
	lookup func(ctx context.Context, name string) ([]string, error)             // nil: that of the system
}

// exam is one examination. Its steps run one after the other.
type exam struct {
	Options
	http    *http.Transport
	report  Report
	proxies []string
	origin  string
	date    time.Time // the gateway's clock at the first answer; zero: the answer had no Date
	asked   time.Time // when it came, by the clock of this machine
	claims  claims
	cookies []*http.Cookie // that a browser would send; nil: none
	stream  *stream
	push    string
}

// Run makes all checks. Checks that depend on a broken one are skipped. It takes a few seconds, and Watch.
func Run(ctx context.Context, o Options) Report {
	x := &exam{Options: o, origin: o.Origin}
	x.report = Report{URL: o.URL.Redacted(), Broken: []string{}, Checks: []Finding{}}
	if o.URL.Path == "" { // the path of the cookie is compared with it
		rooted := *o.URL
		rooted.Path = "/"
		x.URL = &rooted
	}
	if x.origin == "" {
		x.origin = o.URL.Scheme + "://" + o.URL.Host
	}
	if x.dial == nil {
		x.dial = (&net.Dialer{Timeout: patience / 2}).DialContext
	}
	if x.lookup == nil {
		x.lookup = net.DefaultResolver.LookupHost
	}
	x.http = &http.Transport{DialContext: x.dial, DisableCompression: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: o.Roots}}
	defer x.http.CloseIdleConnections()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for _, step := range []func(context.Context) bool{
		x.reach, x.secure, x.answer, x.identify, x.crossOrigin, x.comeBack, x.open, x.wholeWay, x.ask, x.last,
	} {
		if !step(ctx) || ctx.Err() != nil {
			break
		}
	}
	why := "not reached"
	if len(x.report.Broken) > 0 {
		why = x.report.Broken[0] + " is broken"
	}
	for _, hop := range Hops {
		x.skip(hop, why)
	}
	x.report.Good = len(x.report.Broken) == 0 && ctx.Err() == nil
	x.report.Proxy = append([]string{}, x.proxies...)
	return x.report
}

func (x *exam) done(hop string) bool {
	return slices.ContainsFunc(x.report.Checks, func(f Finding) bool { return f.Check == hop })
}

func (x *exam) add(f Finding) {
	if x.done(f.Check) {
		return
	}
	if f.Status == Broken {
		x.report.Broken = append(x.report.Broken, f.Check)
	}
	x.report.Checks = append(x.report.Checks, f)
	if x.Found != nil {
		x.Found(f)
	}
}

func (x *exam) ok(hop, format string, args ...any) {
	x.add(Finding{Check: hop, Status: OK, Says: fmt.Sprintf(format, args...)})
}

// skip adds that a check was not made, unless it was.
func (x *exam) skip(hop, why string) { x.add(Finding{Check: hop, Status: Skipped, Says: why}) }

// broken adds a fault. kind names the remedies; "": the fault is at no proxy.
func (x *exam) broken(hop, kind, fix, format string, args ...any) {
	f := Finding{Check: hop, Status: Broken, Says: fmt.Sprintf(format, args...), Fix: fix}
	if kind != "" {
		f.Remedies = remediesFor(kind, x.proxies)
	}
	x.add(f)
}

func (x *exam) busy(format string, args ...any) {
	if x.Busy != nil {
		x.Busy(fmt.Sprintf(format, args...))
	}
}

// sameOrigin tells whether the page has the gateway's origin.
func (x *exam) sameOrigin() bool { return x.origin == x.URL.Scheme+"://"+x.URL.Host }

// request makes a request as a page would. with says what carries the token.
func (x *exam) request(ctx context.Context, method, path string, query url.Values, with credentials) *http.Request {
	target := x.URL.JoinPath(path)
	target.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		panic(err) // the URL was parsed, and the methods are ours
	}
	if user := x.URL.User; user != nil { // the password of something before the gateway
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	r.Header.Set("User-Agent", "nudge doctor")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Accept-Encoding", "gzip") // browsers take more; this is what the doctor can read
	if method != http.MethodGet || !x.sameOrigin() {
		r.Header.Set("Origin", x.origin)
	}
	switch with {
	case byHeader:
		if x.Token != "" {
			r.Header.Set("X-Nudge-Token", x.Token)
		}
	case byCookie:
		for _, c := range x.cookies {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	return r
}

// credentials say what carries the token.
type credentials int

const (
	byNothing credentials = iota
	byHeader
	byCookie
)

// reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	proto  string
	took   time.Duration
	gate   gatewayReply
	ours   bool // a gateway wrote it
	err    error
}

// gatewayReply has the fields of a gateway's answers.
type gatewayReply struct {
	Code, Detail, Push, Reason string
	Anonymous                  bool
	PollMS                     *int64 `json:"poll_ms"`
}

// send sends a request, and reads the whole answer.
func (x *exam) send(r *http.Request) (a reply) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	began := time.Now()
	r.Header.Set("Accept-Encoding", "identity") // only streams are measured with compression
	resp, err := x.http.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return reply{err: cause(err)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	a = reply{status: resp.StatusCode, header: resp.Header, proto: resp.Proto, took: time.Since(began), err: err}
	mark := struct {
		Protocol int
		gatewayReply
	}{}
	isJSON := strings.Contains(resp.Header.Get("Content-Type"), "json") && json.Unmarshal(text, &mark) == nil
	a.gate = mark.gatewayReply
	empty := resp.StatusCode == http.StatusNoContent && strings.Contains(resp.Header.Get("Cache-Control"), "no-store")
	a.ours = err == nil && (empty || isJSON && (mark.Code != "" || mark.Push != ""))
	return a
}

// says describes an answer that was not expected.
func (a reply) says() string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.gate.Detail != "":
		return fmt.Sprintf("%d %s: %s", a.status, a.gate.Code, a.gate.Detail)
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	text := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	if kind != "" {
		text += " (" + kind + ")"
	}
	if to := a.header.Get("Location"); to != "" {
		text += ", to " + to
	}
	return text
}

// cause removes the wrapping of an HTTP client's error: it may hold the URL.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("no answer within %v", patience)
	}
	return err
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
