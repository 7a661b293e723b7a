package gateway

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
)

// notes are facts of a request for its line in the log.
type notes []slog.Attr

type notesKey struct{}

// note adds a fact to the request's line in the log.
func note(r *http.Request, key, value string) {
	if n, ok := r.Context().Value(notesKey{}).(*notes); ok {
		*n = append(*n, slog.String(key, value))
	}
}

// access logs each request in one line when it has ended, and ends none. Only the path is logged, never the
// query, a header or a body: tokens travel in all three.
func (g *Gateway) access(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		facts := new(notes)
		r = r.WithContext(context.WithValue(r.Context(), notesKey{}, facts))
		ww := &tally{ResponseWriter: w}
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
			attrs := append([]slog.Attr{
				slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status),
				slog.Duration("took", time.Since(begun).Round(time.Microsecond)), slog.String("address", address(r)),
			}, *facts...)
			g.log.LogAttrs(r.Context(), accessLevel(strings.TrimPrefix(r.URL.Path, g.opt.BasePath), status), "request", attrs...)
		}()
		next.ServeHTTP(ww, r)
	})
}

// tally remembers the status of an answer. [http.ResponseController] finds what is below it by Unwrap, so that
// no error of a flush is lost on the way.
type tally struct {
	http.ResponseWriter
	status int // 0: nothing was written yet
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

// accessLevel keeps what comes all the time out of the log of a healthy gateway.
func accessLevel(path string, status int) slog.Level {
	switch {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return slog.LevelError
	case path == "/live" || path == "/ready":
		return slog.LevelDebug
	case status >= 400:
		return slog.LevelInfo
	}
	switch path {
	case "/poll-interval", "/nudge.js", "/nudge.global.js", "/nudge.d.ts":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// located puts the caller's address where [address] finds it, by the limits in force.
func (g *Gateway) located(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.current.Load().locate(next).ServeHTTP(w, r)
	})
}

// address is where the request comes from, as far as the trusted proxies tell.
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
