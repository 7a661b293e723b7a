package gateway

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"nudge/gateway/auth"
)

// bodyTime is how long a request's body may take to come.
const bodyTime = 10 * time.Second

// access logs each request in one line when it has ended, and ends none. Only the path is logged, never the
// query, a header or a body: tokens travel in all three.
func (g *Gateway) access(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ww := &tally{ResponseWriter: w}
		if r.ContentLength != 0 { // a body that never comes holds nobody for longer
			_ = http.NewResponseController(w).SetReadDeadline(begun.Add(bodyTime))
		}
		defer func() {
			status := ww.status
			if bad := recover(); bad != nil {
				if bad == http.ErrAbortHandler {
					panic(bad)
				}
				g.log.Error("a request handler panicked; please report this", "panic", bad, "stack", string(debug.Stack()))
				if status == 0 {
					g.refuse(ww, newProblem(http.StatusInternalServerError, codeInternal, "an error of the gateway; its log has more"))
				}
				status = http.StatusInternalServerError
			}
			if status == 0 {
				status = http.StatusOK
			}
			g.metrics.requests.WithLabelValues(strconv.Itoa(status/100) + "xx").Inc()
			level := accessLevel(r.Method, strings.TrimPrefix(r.URL.Path, g.opt.BasePath), status)
			if !g.log.Enabled(r.Context(), level) {
				return
			}
			attrs := append([]slog.Attr{
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status),
				slog.Duration("took", time.Since(begun).Round(time.Microsecond)), slog.String("address", address(r)),
			}, ww.facts...)
			g.log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		if r.ContentLength != 0 && r.Method != http.MethodPost {
			// Closing keeps the server from waiting for the body, and what it holds from being a second request.
			ww.Header().Set("Connection", "close")
			g.refuse(ww, malformed(errors.New("a "+r.Method+" request takes no body here")))
			return
		}
		next.ServeHTTP(ww, r)
	})
}

// tally remembers the status of an answer, and facts of the request for its line in the log: here, since in the
// request's context they would cost a copy of the request. [http.ResponseController] finds what is below it by
// Unwrap, so that no error of a flush is lost on the way.
type tally struct {
	http.ResponseWriter
	status int // 0: nothing was written yet
	facts  []slog.Attr
}

// note adds a fact to the request's line in the log.
func note(w http.ResponseWriter, key, value string) {
	if t, ok := w.(*tally); ok {
		t.facts = append(t.facts, slog.String(key, value))
	}
}

func (t *tally) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tally) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(b)
}

func (t *tally) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// accessLevel keeps out of the log what comes all the time, or at the will of strangers.
func accessLevel(method, path string, status int) slog.Level {
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

// located puts the caller's address where [address] finds it, by the limits in force.
func (g *Gateway) located(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if locate := g.current.Load().locate; locate != nil {
			locate(next).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// caller returns who sends r.
func (g *Gateway) caller(r *http.Request) (*auth.Caller, error) {
	c := g.current.Load()
	return c.verifier.Caller(r, c.revoked)
}

// foreign reports whether r comes from a page that may not use the cookie.
func (g *Gateway) foreign(r *http.Request) bool { return auth.Origins(g.opt.Origins).Foreign(r) }

// address is where the request comes from, as far as the trusted proxies tell, if there are any.
func address(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
