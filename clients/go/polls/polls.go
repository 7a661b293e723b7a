// Package polls answers polls that would find nothing, before the application does any work. Its [Middleware] gives the answers of a
// poll endpoint a validator (ETag), and answers 304 as long as Redis has the versions that the client has already.
//
//	middleware, err := polls.Middleware(client, polls.Options{Secret: secret, Identity: []string{"cookie:session", "header:authorization"}})
//	…
//	http.Handle("/projects/", middleware(handler))
//
// The handler says which versions its answer has, by [Answered]. clients/README.md says when a poll is answered 304, and why that is
// safe.
package polls

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/internal/breaker"
	"nudge/clients/go/publish"
	"nudge/version"
	script "nudge/version/publish"
)

const (
	// header says which versions an answer has. Clients never see it.
	header = "X-Nudge-Version"
	// private is what an answer with a validator may be used for.
	private = "private, no-cache"
	// future is how far the clock of another server may be ahead.
	future = 5 * time.Second
	// wait is how long a poll waits for Redis before it goes to the application.
	wait = 100 * time.Millisecond
)

// harmless are headers in Vary by which no other answer is given: other bytes of the same, what identity has, CORS.
var harmless = []string{"", "accept-encoding", "cookie", "origin"}

// Options are those of [Middleware].
type Options struct {
	Secret   []byte        // auth.secret of the gateways, at least 32 bytes; see token.Key
	Identity []string      // what decides who asks, such as cookie:session and header:authorization
	Prefix   string        // redis.prefix of the gateways; "": nudge
	Slow     time.Duration // poll.slow of the gateways; 0: 5 minutes
	Log      *slog.Logger  // nil: slog.Default()
	limit    time.Duration // how long a poll waits for Redis; 0: wait
}

// Answered says which versions an answer has, by project. Call it before the answer is written.
func Answered(w http.ResponseWriter, versions map[string]int64) {
	for project, v := range versions {
		w.Header().Add(header, project+"="+strconv.FormatInt(v, 10))
	}
}

// Middleware returns what wraps the handler of a poll. It uses the Redis client that the application has. An error names the option and
// the fix. It belongs before all that reads sessions or a database.
func Middleware(client publish.Client, opt Options) (func(http.Handler) http.Handler, error) {
	if len(opt.Secret) < 32 {
		return nil, fmt.Errorf("polls: Secret has %d bytes, and 32 are the least; use auth.secret of the gateway", len(opt.Secret))
	}
	if len(opt.Identity) == 0 {
		return nil, errors.New("polls: Identity is empty; name what decides who asks, such as cookie:session and header:authorization")
	}
	m := &middleware{client: client, opt: opt}
	for _, name := range opt.Identity {
		kind, key, found := strings.Cut(name, ":")
		if !found || key == "" || strings.ContainsAny(name, " \t\r\n=;,") || kind != "cookie" && kind != "header" {
			return nil, fmt.Errorf("polls: Identity: %q; write cookie:NAME or header:NAME", name)
		}
		if kind == "header" {
			name = strings.ToLower(name)
		}
		m.names = append(m.names, name)
	}
	m.opt.Prefix = cmp.Or(opt.Prefix, "nudge")
	m.opt.Slow, m.opt.limit = cmp.Or(opt.Slow, 5*time.Minute), cmp.Or(opt.limit, wait)
	m.opt.Log = cmp.Or(opt.Log, slog.Default())
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if etag := m.unchanged(r); etag != "" {
				w.Header().Set("ETag", etag)
				w.Header().Set("Cache-Control", private)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			a := &answer{ResponseWriter: w, finish: func(status int) { m.finish(w.Header(), r, status) }}
			defer a.begin(http.StatusOK) // a handler that writes nothing answers 200
			next.ServeHTTP(a, r)
		})
	}, nil
}

type middleware struct {
	client  publish.Client
	opt     Options
	names   []string
	breaker breaker.Breaker
	away    atomic.Bool // Redis failed, and that is logged
	said    sync.Map    // what was logged once
}

// unchanged returns the validator of a client that has what is stored; "": ask the application.
func (m *middleware) unchanged(r *http.Request) string {
	given := strings.Join(r.Header.Values("If-None-Match"), ", ")
	if !strings.Contains(given, "nudge1.") || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	who, known := m.identity(r, nil)
	if !known {
		return ""
	}
	etag, at, marks := readValidator(m.opt.Secret, given, path(r), who)
	if age := time.Since(time.Unix(at, 0)); etag == "" || age < -future || age > m.opt.Slow {
		return ""
	}
	same := make(chan bool, 1)
	// That a browser goes away is no failure of Redis.
	err := m.breaker.Do(context.WithoutCancel(r.Context()), m.opt.limit, func(ctx context.Context) error {
		ok, err := m.stored(ctx, marks)
		same <- ok
		return err
	})
	if err != nil {
		if !errors.Is(err, breaker.ErrResting) && !m.away.Swap(true) {
			m.opt.Log.Warn("nudge: polls go to the application, since Redis does not say what is stored", "error", err,
				"fix", "look whether Redis runs, and whether the client has its address")
		}
		return ""
	}
	m.away.Store(false)
	if !<-same {
		return ""
	}
	return etag
}

// stored reports whether Redis has exactly these versions.
func (m *middleware) stored(ctx context.Context, marks []mark) (bool, error) {
	replies, err := m.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, k := range marks {
			pipe.Get(ctx, script.Name(m.opt.Prefix, k.project))
		}
		return nil
	})
	var reply redis.Error
	if err != nil && !errors.As(err, &reply) { // Nil, and a key of another type, are replies
		return false, err
	}
	for i, k := range marks {
		if text, err := replies[i].(*redis.StringCmd).Result(); err != nil || text != strconv.FormatInt(int64(k.version), 10) {
			return false, nil
		}
	}
	return true, nil
}

// finish gives an answer that says which versions it has its validator.
func (m *middleware) finish(h http.Header, r *http.Request, status int) {
	said := strings.Join(h.Values(header), ", ")
	h.Del(header)
	control := strings.ToLower(h.Get("Cache-Control"))
	if said == "" || status != http.StatusOK || r.Method != http.MethodGet || h.Get("ETag") != "" || h.Get("Last-Modified") != "" || strings.Contains(control, "no-store") {
		return
	}
	if strings.Contains(control, "public") || strings.Contains(control, "s-maxage") {
		m.once("public", "the Cache-Control of %s is %s; remove public and s-maxage", path(r), control)
		return
	}
	for name := range strings.FieldsFuncSeq(strings.ToLower(strings.Join(h.Values("Vary"), ",")), func(c rune) bool { return c == ',' || c == ' ' }) {
		// A browser that has JSON of a path sends its validator also when it navigates there.
		if !slices.Contains(harmless, name) && !slices.Contains(m.names, "header:"+name) {
			m.once("vary", "the Vary of %s has %s; add header:%s to Identity", path(r), name, name)
			return
		}
	}
	marks, err := parseMarks(said)
	if err != nil {
		m.once("marks", "%s: %v", path(r), err)
		return
	}
	who, known := m.identity(r, h)
	if !known {
		return
	}
	if etag := makeValidator(m.opt.Secret, time.Now().Unix(), marks, path(r), who); etag != "" {
		h.Set("ETag", etag)
		if control == "" {
			h.Set("Cache-Control", private)
		}
	}
}

// identity is the hash of who asks, after the cookies that an answer sets. It is not known if a request has a cookie twice, as a
// page of a sister host can bring about: the application may take either.
func (m *middleware) identity(r *http.Request, answer http.Header) (who string, known bool) {
	values := make([][2]string, len(m.names))
	for i, name := range m.names {
		kind, key, _ := strings.Cut(name, ":")
		switch {
		case kind == "header":
			values[i] = [2]string{name, strings.Join(r.Header.Values(key), ", ")}
		default:
			value, once := cookie(r, answer, key)
			if !once {
				return "", false
			}
			values[i] = [2]string{name, value}
		}
	}
	return hashIdentity(values), true
}

// cookie is the value of a cookie as the browser has it after the answer, and whether the request has it once at most.
func cookie(r *http.Request, answer http.Header, name string) (value string, once bool) {
	found := 0
	for pair := range strings.SplitSeq(strings.Join(r.Header.Values("Cookie"), ";"), ";") {
		if text, is := strings.CutPrefix(strings.TrimSpace(pair), name+"="); is {
			value = text
			found++
		}
	}
	for _, set := range (&http.Response{Header: answer}).Cookies() {
		if set.Name != name {
			continue
		}
		if value = set.Value; set.MaxAge < 0 || set.MaxAge == 0 && !set.Expires.IsZero() && set.Expires.Before(time.Now()) {
			value = ""
		}
	}
	return value, found < 2
}

// path is that of the request as the client sent it, without the query.
func path(r *http.Request) string {
	uri := r.RequestURI
	if uri == "" {
		uri = r.URL.RequestURI()
	}
	if i := strings.Index(uri, "://"); i >= 0 && !strings.HasPrefix(uri, "/") {
		_, rest, _ := strings.Cut(uri[i+3:], "/")
		uri = "/" + rest
	}
	uri, _, _ = strings.Cut(uri, "?")
	return uri
}

// once logs what is wrong with the application, once of each kind.
func (m *middleware) once(kind, format string, args ...any) {
	if _, before := m.said.LoadOrStore(kind, true); !before {
		m.opt.Log.Warn("nudge: an answer gets no validator", "because", fmt.Sprintf(format, args...),
			"fix", "change the answer as it says; docs/polling.md has the rules")
	}
}

// answer finishes the headers just before they are sent.
type answer struct {
	http.ResponseWriter
	finish func(status int)
	begun  bool
}

func (a *answer) begin(status int) {
	if !a.begun && status >= http.StatusOK {
		a.begun = true
		a.finish(status)
	}
}

func (a *answer) WriteHeader(status int) {
	a.begin(status)
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.begin(http.StatusOK)
	return a.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] find what the server's writer can do.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// FlushError sends the headers too, so they must be finished.
func (a *answer) FlushError() error {
	a.begin(http.StatusOK)
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Flush is for handlers that ask for an http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// Hijack is for handlers that ask for an http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// Validator returns the ETag of an answer, as the middleware makes it: for tests of applications. identity is in the order of
// [Options.Identity], each name as it stands there with its value.
func Validator(secret []byte, at time.Time, versions map[string]int64, path string, identity [][2]string) (string, error) {
	var marks []mark
	for id, v := range versions {
		project, err := version.ParseProject(id)
		if err != nil {
			return "", err
		}
		marks = append(marks, mark{project, version.Version(v)})
	}
	return makeValidator(secret, at.Unix(), marks, path, hashIdentity(identity)), nil
}
