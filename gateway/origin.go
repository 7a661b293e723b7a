package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/cors"
	"golang.org/x/time/rate"
)

// foreign tells whether the request comes from a page that is neither of this host nor configured. A
// request without an Origin comes from no page, or from one of this origin.
func (g *Gateway) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && !sameHost(origin, r.Host) && !g.allowedOrigin(origin)
}

func (g *Gateway) allowedOrigin(origin string) bool {
	return slices.Contains(g.opt.Origins, "*") || slices.Contains(g.opt.Origins, origin)
}

// sameHost compares host and port, the scheme's default port filled in on both sides. The scheme itself
// is not compared: behind a proxy that ends TLS, the gateway does not know its own.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null" of a sandboxed page is one of these
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	trim := func(h string) string { return strings.ToLower(strings.TrimSuffix(h, port)) }
	return trim(u.Host) == trim(host)
}

// cors lets the configured origins' pages read the answers.
func (g *Gateway) cors() func(http.Handler) http.Handler {
	lines := rate.NewLimiter(rate.Every(time.Minute), 3) // anybody may ask
	return cors.Handler(cors.Options{
		AllowOriginFunc: func(r *http.Request, origin string) bool {
			allowed := g.allowedOrigin(origin) || sameHost(origin, r.Host)
			if !allowed && lines.Allow() { // to its browser it looks as if nobody answered
				g.log.Warn("a page may not read the answers; if it is yours, add its origin to cors.origins",
					"origin", origin[:min(len(origin), 100)])
			}
			return allowed
		},
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Last-Event-ID", "Cache-Control"},
		ExposedHeaders: []string{"X-Poll-Interval", "Retry-After", "WWW-Authenticate"},
		// Also with "*": the shim always asks with credentials. Only an open gateway takes "*", and that looks
		// at none of them.
		AllowCredentials: true,
		MaxAge:           600,
	})
}
