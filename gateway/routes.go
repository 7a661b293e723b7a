package gateway

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
	"golang.org/x/time/rate"

	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/shim"
	"nudge/web"
)

// publicRoutes are what browsers and publishers use.
func (g *Gateway) publicRoutes() http.Handler {
	r, around := g.router(g.opt.BasePath), chi.Chain(growStack, g.protection().Around, g.requestLog, g.checkHost)
	readable := g.cors()
	r.Use(around...)
	mount := func(r chi.Router) {
		g.healthRoutes(r)
		for path, handle := range shim.Handlers() {
			getAndHead(r, path, handle)
		}
		r.Group(func(r chi.Router) {
			r.Use(readable)
			handlers := map[string]map[string]http.HandlerFunc{
				"/events":        {http.MethodGet: g.events},
				"/poll-interval": {http.MethodGet: g.handle(g.pollInterval), http.MethodHead: g.handle(g.pollInterval)},
				"/versions":      {http.MethodGet: g.handle(g.versions), http.MethodPost: g.handle(g.publish)},
				"/session":       {http.MethodPost: g.handle(g.session), http.MethodDelete: g.handle(g.endSession)},
				"/revocations":   {http.MethodPost: g.handle(g.revoke)},
				"/missed":        {http.MethodPost: g.handle(g.missed)},
				"/shadow":        {http.MethodPost: g.handle(g.shadowReport)},
			}
			for path, methods := range handlers {
				for method, handle := range methods {
					r.MethodFunc(method, path, handle)
				}
				// The CORS middleware has answered preflights; other requests end up here.
				r.Options(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			}
		})
	}
	if g.opt.BasePath == "" {
		mount(r)
	} else {
		r.Route(g.opt.BasePath, mount)
		g.healthRoutes(r) // a load balancer often reaches a gateway without the proxy that adds the path
	}
	return shortcut(g.opt.BasePath+"/events", chi.Chain(append(around, readable)...).HandlerFunc(g.events), r)
}

// protection is what all answers of both listeners tell browsers.
func (g *Gateway) protection() web.Protection { return web.Protection{HSTS: g.opt.HSTS} }

// methods are all that any path takes.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}

// cors lets the pages of the configured origins read the answers. The log says why others may not: the browser hides it from
// the page.
func (g *Gateway) cors() func(http.Handler) http.Handler {
	origins := rate.NewLimiter(rate.Every(time.Minute), 3) // any page may ask, and could fill the log
	headers := rate.NewLimiter(rate.Every(time.Minute), 3)
	var mu sync.Mutex
	told := limits.Recent[struct{}]{Most: 200}                // more than the two let through in an hour
	first := func(lines *rate.Limiter, what ...string) bool { // each once an hour
		mu.Lock()
		defer mu.Unlock()
		key, now := limits.KeyOf(strings.Join(what, " ")), time.Now()
		return told.Left(key, now) == 0 && lines.Allow() && told.Put(key, struct{}{}, now, time.Hour)
	}
	readable := cors.Handler(cors.Options{
		AllowOriginFunc: func(r *http.Request, origin string) bool {
			allowed := !g.foreign(r)
			if !allowed && first(origins, origin, r.Host) {
				g.log.Warn("a page may not read the answers", "origin", cut(origin, 100), "host", cut(r.Host, 100),
					"x_forwarded_host", cut(r.Header.Get("X-Forwarded-Host"), 100), "proxy_trusted", g.proxied(r), "fix", originFixes)
			}
			return allowed
		},
		AllowedMethods: methods,
		AllowedHeaders: []string{"*"}, // those that are left below
		ExposedHeaders: []string{"X-Poll-Interval", "Retry-After", "WWW-Authenticate", callerHeader},
		// Also with "*": the shim always asks with credentials. Only an open gateway takes "*", and that ignores them.
		AllowCredentials: true,
		MaxAge:           600,
	})
	return func(next http.Handler) http.Handler {
		next = readable(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			const list = "Access-Control-Request-Headers"
			if asked := r.Header.Get(list); r.Method == http.MethodOptions && asked != "" {
				allowed, refused := g.current.Load().CORS.AllowHeaders(asked)
				if len(refused) > 0 && !g.foreign(r) && first(headers, r.Header.Get("Origin"), refused[0]) {
					g.log.Warn("a page may not send a header, so its browser sends no request",
						"header", cut(refused[0], 100), "origin", cut(r.Header.Get("Origin"), 100),
						"fix", "if the page needs it, add it to cors.headers")
				}
				r.Header.Set(list, strings.Join(allowed, ",")) // the answer names these, so the browser blames the others
			}
			next.ServeHTTP(w, r)
		})
	}
}

// shortcut serves requests for streams without the router, which copies each request: they come by the thousand.
func shortcut(path string, stream, all http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == path && r.URL.RawPath == "" {
			stream.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}

// checkHost refuses requests for names that are not those of the public listener, if names are configured.
func (g *Gateway) checkHost(next http.Handler) http.Handler {
	if len(g.opt.Hosts) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !auth.Hosts(g.opt.Hosts).Allow(r.Host) {
			g.refuse(w, foreignHost("hosts"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// getAndHead serves a path for GET and HEAD.
func getAndHead(r chi.Router, path string, handle http.HandlerFunc) {
	r.Get(path, handle)
	r.Head(path, handle)
}

// router returns a router that refuses unknown paths and methods with a problem. The caller mounts all paths below base.
func (g *Gateway) router(base string) chi.Router {
	r := chi.NewRouter()
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		detail := "there is nothing at this path; docs/protocol.md lists the paths"
		if base != "" {
			detail = "there is nothing at this path; all paths here begin with " + base + " (base_path)"
		}
		g.refuse(w, newProblem(http.StatusNotFound, codeNotFound, detail))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		allowed := allowedMethods(r, req.URL.Path)
		w.Header().Set("Allow", allowed)
		g.refuse(w, newProblem(http.StatusMethodNotAllowed, codeMethod, "this path takes "+allowed))
	})
	return r
}

func allowedMethods(r chi.Routes, path string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(methods), func(m string) bool {
		return !r.Match(chi.NewRouteContext(), m, path)
	}), ", ")
}

// growStack grows the stack of the request's goroutine before serving. The runtime copies a stack that is too small, frame
// by frame: here it has four frames, in the token parser thirty. Growing it there was a seventh of the cost of a connect.
func growStack(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		useStack(0)
		next.ServeHTTP(w, r)
	})
}

// stackRoom is what serving a request for a stream needs, in bytes.
const stackRoom = 6 << 10

// useStack needs stackRoom bytes of stack, so the runtime makes room for them.
//
//go:noinline
func useStack(i int) byte {
	var room [stackRoom]byte
	return room[i]
}
