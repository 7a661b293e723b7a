package gateway

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nudge/gateway/auth"
	"nudge/gateway/status"
)

// opsTime is how long an answer to an operator may take: a profile is recorded before it is sent.
const opsTime = 5 * time.Minute

// guardOps refuses what pages in an operator's browser ask for: the listener has no login, and may be on loopback. It ends the
// connection of an operator who does not take the answer.
func (g *Gateway) guardOps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limitAnswer(w, opsTime-answerTime)
		switch {
		case !auth.Hosts(g.opt.OpsHosts).Allow(r.Host):
			g.refuse(w, foreignHost("ops_hosts"))
		case auth.OtherSite(r) && !auth.Followed(r), r.Header.Get("Origin") != "" && auth.Origins(nil).Foreign(r, false):
			g.refuse(w, newProblem(http.StatusForbidden, codeOrigin, "pages of other sites may not ask the operators' listener"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// opsRoutes are for operators only: their answers say more than the public may know, and cost more.
func (g *Gateway) opsRoutes() http.Handler {
	r := g.router("")
	r.Use(g.protection().Around, g.guardOps)
	g.healthRoutes(r)
	r.Get("/status", g.statusPage)
	r.Get("/status/history", g.historyPage)
	for name, handle := range status.Files() {
		r.Get("/status/"+name, handle)
	}
	if g.follower != nil {
		for path, method := range followPaths {
			r.Method(method, "/status"+path, g.followed())
		}
	}
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	r.Route("/debug/pprof", func(r chi.Router) {
		r.Get("/cmdline", pprof.Cmdline)
		r.Get("/profile", pprof.Profile)
		r.Get("/symbol", pprof.Symbol)
		r.Get("/trace", pprof.Trace)
		r.Get("/*", pprof.Index)
	})
	return r
}
