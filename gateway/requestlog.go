package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"nudge/gateway/auth"
	"nudge/gateway/limits"
)

const (
	// bodyTime is how long a request's body may take to arrive.
	bodyTime = 10 * time.Second
	// answerTime is how long an answer may take to be sent, except for streams, which have deadlines of their own. It lets
	// the largest file, of 110 kB, pass at 4 kB a second.
	answerTime = 30 * time.Second
	// mostLogged is how many refusals of each code are logged in refusalsTime; the others are only counted. Anybody can send
	// requests that are refused, and could fill the disk.
	mostLogged   = 10
	refusalsTime = time.Minute
	// mostPath is how many bytes of a path are logged.
	mostPath = 200
)

// requestLog writes one line for each request when it has ended. It logs only the path, never the query, a body
// or a header but X-Request-Id: tokens travel in all three.
func (g *Gateway) requestLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ww := &loggedWriter{ResponseWriter: w}
		limitAnswer(w, 0)
		if r.ContentLength != 0 { // a body that never arrives holds the goroutine no longer than this
			_ = http.NewResponseController(w).SetReadDeadline(begun.Add(bodyTime))
		}
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			// Go ignores a Content-Length beside it, and ignores it in HTTP/1.0, and a proxy in front may not: then what is the
			// body for the proxy would be another request here.
			ww.Header().Set("Connection", "close")
		}
		defer func() {
			status := ww.status
			if bad := recover(); bad != nil {
				if bad == http.ErrAbortHandler {
					panic(bad)
				}
				g.log.Error("a request handler panicked", "panic", bad, "stack", string(debug.Stack()), "fix", reportFix)
				if status == 0 {
					g.refuse(ww, newProblem(http.StatusInternalServerError, codeInternal, "an error of the gateway; its log has more"))
				}
				status = http.StatusInternalServerError
			}
			if status == 0 {
				status = http.StatusOK
			}
			g.metrics.requests.WithLabelValues(strconv.Itoa(status/100) + "xx").Inc()
			level := requestLevel(r.Method, strings.TrimPrefix(r.URL.Path, g.opt.BasePath), status)
			if level == slog.LevelInfo && ww.refused != "" && !g.refusals.take(ww.refused) {
				level = slog.LevelDebug
			}
			if !g.log.Enabled(r.Context(), level) {
				return
			}
			attrs := append([]slog.Attr{
				slog.String("method", cut(r.Method, 20)), slog.String("path", cut(r.URL.Path, mostPath)), slog.Int("status", status),
				slog.Duration("took", time.Since(begun).Round(time.Microsecond)), slog.String("address", g.address(r).String()),
			}, ww.attrs...)
			if id := requestID(r); id != "" {
				attrs = append(attrs, slog.String("id", id))
			}
			if level == slog.LevelError {
				attrs = append(attrs, slog.String("fix", "see the lines before this one; docs/protocol.md explains the code in refused"))
			}
			g.log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		if r.ContentLength != 0 && r.Method != http.MethodPost {
			// Closing keeps the server from waiting for the body, and from reading it as another request.
			ww.Header().Set("Connection", "close")
			g.refuse(ww, malformed(errors.New("only a POST may have a body here")))
			return
		}
		next.ServeHTTP(ww, r)
	})
}

// reportFix is the fix of what is a bug of ours.
const reportFix = "report this line as a bug of Nudge"

// requestID returns the id that a proxy gave the request, by which its log and ours are compared; "" if there is none. Anybody
// can send one, so it is logged only if it is as proxies write it: no dots, hence no token.
func requestID(r *http.Request) string {
	return requestIDs.FindString(r.Header.Get("X-Request-Id"))
}

var requestIDs = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// limitAnswer ends the connection of a reader that does not take its answer within answerTime. The answer may begin after
// wait. Else it would hold the connection for as long as it likes.
func limitAnswer(w http.ResponseWriter, wait time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + answerTime)) // the writers of tests and of the watchdog have none
}

// loggedWriter keeps what the log needs of an answer: status and further attributes. Keeping these in the request's context
// would cost a copy of the request. [http.ResponseController] finds the server's writer by Unwrap, so no error of a flush
// is lost.
type loggedWriter struct {
	http.ResponseWriter
	status  int    // 0: nothing was written yet
	refused string // code of the refusal; "": none
	attrs   []slog.Attr
}

// note adds an attribute to the request's line in the log.
func note(w http.ResponseWriter, key, value string) {
	if l, ok := w.(*loggedWriter); ok {
		l.attrs = append(l.attrs, slog.String(key, value))
	}
}

// noteRefusal keeps the code of a refusal for the request's line in the log.
func noteRefusal(w http.ResponseWriter, code string) {
	note(w, "refused", code)
	if l, ok := w.(*loggedWriter); ok {
		l.refused = code
	}
}

func (l *loggedWriter) WriteHeader(status int) {
	if l.status == 0 && status >= http.StatusOK {
		l.status = status
	}
	l.ResponseWriter.WriteHeader(status)
}

func (l *loggedWriter) Write(b []byte) (int, error) {
	if l.status == 0 {
		l.status = http.StatusOK
	}
	return l.ResponseWriter.Write(b)
}

func (l *loggedWriter) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// requestLevel returns the level of a request in the log. Requests that come all the time, or that strangers can send in
// any number, are for debugging only.
func requestLevel(method, path string, status int) slog.Level {
	switch {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return slog.LevelError
	case path == "/live" || path == "/ready" || status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return slog.LevelDebug
	case status >= 400 || path == "/events" && method == http.MethodGet:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// cut returns the first bytes of a text, and says that there were more.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}

// refusals counts refusals by code, and says which are logged. Its zero value is ready.
type refusals struct {
	mu     sync.Mutex     // guards all
	count  map[string]int // in this refusalsTime
	hidden map[string]int // before it, and not logged
	lines  limits.GrowingDistance
}

// take counts one more refusal, and reports whether it is logged.
func (r *refusals) take(code string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	r.count[code]++
	return r.count[code] <= mostLogged
}

// sum ends a refusalsTime. It returns how many refusals were not logged, as attributes, if that is to be said now: at a growing
// distance while there are more, and when there are none.
func (r *refusals) sum(now time.Time) (attrs []slog.Attr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hidden == nil {
		r.hidden = map[string]int{}
	}
	more := false
	for code, n := range r.count {
		if n > mostLogged {
			r.hidden[code] += n - mostLogged
			more = true
		}
	}
	r.count = nil
	if !more {
		r.lines = limits.GrowingDistance{}
	} else if _, tell := r.lines.Happened(now); !tell {
		return nil
	}
	for _, code := range codes {
		if n := r.hidden[code]; n > 0 {
			attrs = append(attrs, slog.Int(code, n))
		}
	}
	clear(r.hidden)
	return attrs
}

// sumRefusals logs how many refusals were not logged.
func (g *Gateway) sumRefusals(ctx context.Context) error {
	ticks := time.NewTicker(refusalsTime)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticks.C:
			if attrs := g.refusals.sum(now); len(attrs) > 0 {
				g.log.LogAttrs(ctx, slog.LevelWarn, "more requests were refused since the last line of this kind than are logged",
					append(attrs, slog.String("fix", "look at the refused requests before this line, by their code; log.level: debug shows all"))...)
			}
		}
	}
}

// caller returns who sends r.
func (g *Gateway) caller(r *http.Request) (*auth.Caller, error) {
	c := g.current.Load()
	return c.verifier.Caller(r, c.revoked)
}

// foreign reports whether r comes from a page whose origin may not use the cookie.
func (g *Gateway) foreign(r *http.Request) bool {
	return g.current.Load().CORS.Origins.Foreign(r, g.proxied(r))
}

// proxied reports whether r came from a proxy that is trusted to say how the browser asked.
func (g *Gateway) proxied(r *http.Request) bool {
	return limits.Proxied(r.RemoteAddr, g.current.Load().Limits.TrustedProxies)
}

// address returns the address of the client, as the trusted proxies report it if r came through them.
func (g *Gateway) address(r *http.Request) netip.Addr {
	return limits.ClientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], g.current.Load().Limits.TrustedProxies)
}

// counted returns who sends r, as all limits count callers.
func (g *Gateway) counted(r *http.Request, who *auth.Caller) limits.Caller {
	return limits.Caller{Subject: who.Subject, Address: g.address(r)}
}
