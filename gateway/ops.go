package gateway

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
)

// Status is the body of /status, for operators. Its fields may change.
type Status struct {
	Protocol int       `json:"protocol"`
	Node     string    `json:"node"`
	Instance string    `json:"instance"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Phase    string    `json:"phase"`
	Reason   string    `json:"reason"`
	LastEcho time.Time `json:"last_echo,omitzero"`
	cadence
	pace.Pressure
	Flag     pace.FlagStatus `json:"flag"`
	Streams  int             `json:"streams"` // and held polls
	Projects int             `json:"projects"`
	Refusing string          `json:"refusing"`
	// Limited is how many requests and streams each limit has refused since the start, by name.
	Limited map[string]uint64 `json:"limited,omitempty"`
	// Revocations is how many are in force here.
	Revocations int `json:"revocations"`
	// Connections are those of the public listener; nil: they are not counted.
	Connections *limits.ConnectionCount `json:"connections,omitempty"`
	Missed      pace.MissedStatus       `json:"missed"`
	// Keys are the key sets of auth.jwks and auth.issuers.
	Keys []jwks.Status `json:"keys,omitempty"`
	// Projects whose stored version is ahead of the application, newest report first; 100 at most.
	Ahead []pace.AheadProject `json:"ahead,omitempty"`
	Fleet pace.FleetStatus    `json:"fleet"`
}

func (g *Gateway) connections() *limits.ConnectionCount {
	if g.opt.Connections == nil {
		return nil
	}
	n := g.opt.Connections.Count()
	return &n
}

// statusPage serves GET /status.
func (g *Gateway) statusPage(w http.ResponseWriter, r *http.Request) {
	v := g.pace.Verdict()
	writeOK(w, Status{
		Protocol: stream.Protocol, Node: g.opt.Node, Instance: g.opt.Instance, Version: g.opt.Version, Started: g.begun,
		Phase: phases[g.phase.Load()], Reason: string(v.Reason), LastEcho: v.LastEcho, cadence: newCadence(g.pace.Now()), Pressure: g.pace.Pressure(),
		Flag: g.current.Load().Flag.Status(), Streams: g.streams(), Projects: g.hub.Projects(), Refusing: g.refusing(r),
		Connections: g.connections(), Revocations: g.revocations(), Limited: g.metrics.limitCounts(), Keys: g.keys.Status(),
		Missed: g.pace.MissedStatus(), Ahead: g.pace.Ahead(), Fleet: g.pace.FleetStatus(),
	})
}

// opsTime is how long an answer to an operator may take: a profile is recorded before it is sent.
const opsTime = 5 * time.Minute

// limitOps ends the connection of an operator who does not take the answer.
func limitOps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limitAnswer(w, opsTime-answerTime)
		next.ServeHTTP(w, r)
	})
}

// guardOps refuses what pages in an operator's browser ask for: the listener has no login, and may be on loopback.
func (g *Gateway) guardOps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	r.Use(g.protection().Around, limitOps, g.guardOps)
	g.healthRoutes(r)
	r.Get("/status", g.statusPage)
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
