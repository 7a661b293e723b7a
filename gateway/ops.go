package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/status"
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
	Since    time.Time `json:"since"` // since when push is what it is
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
	// Saved is how many polls the streams of this gateway have not made since the start, by model; Caused is how many polls
	// changes have caused, counted.
	Saved  float64 `json:"saved"`
	Caused uint64  `json:"caused"`
	// Reload is what became of the last change of the configuration; nil: there was none.
	Reload *Reload `json:"reload,omitempty"`
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
		Phase: phases[g.phase.Load()], Reason: string(v.Reason), Since: g.pace.Since(), LastEcho: v.LastEcho, cadence: newCadence(g.pace.Now()), Pressure: g.pace.Pressure(),
		Flag: g.current.Load().Flag.Status(), Streams: g.streams(), Projects: g.hub.Projects(), Refusing: g.refusing(r),
		Connections: g.connections(), Revocations: g.revocations(), Limited: g.metrics.limitCounts(), Keys: g.keys.Status(),
		Saved: g.pace.Saved(), Caused: g.metrics.caused.Load(), Reload: g.reload.Load(),
		Missed: g.pace.MissedStatus(), Ahead: g.pace.Ahead(), Fleet: g.pace.FleetStatus(),
	})
}

// historyPage serves GET /status/history: the points after a Unix second, and the last changes.
func (g *Gateway) historyPage(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		g.refuse(w, malformed(errors.New("after is no Unix second; leave it out to get all points")))
		return
	}
	writeOK(w, g.history.Answer(after))
}

// sample fills the history until ctx ends.
func (g *Gateway) sample(ctx context.Context) error {
	g.note(status.Phase, "this gateway has started", "")
	tick := time.NewTicker(status.Every)
	defer tick.Stop()
	for now := time.Now(); ; {
		p := g.pace.Pressure()
		s := status.Sample{
			Push: g.pace.Verdict().Push, Streams: g.streams(), Polling: p.Polling, Polls: p.Interval, Saved: g.pace.Saved(),
			Caused: g.metrics.caused.Load(), Asked: g.metrics.polls.Load(), Advances: g.metrics.advances.Load(),
		}
		for _, f := range fallback.Faults() {
			s.Missed += g.pace.MissedCount(f)
		}
		g.history.Add(s, now)
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
	}
}

// note shows operators a change of state.
func (g *Gateway) note(kind status.Kind, text, reason string) {
	g.history.Note(status.Change{At: time.Now(), Kind: kind, Text: text, Reason: reason})
}

func (g *Gateway) judged(was, now fallback.Verdict) {
	text := "push is " + now.Push.String()
	if now.Push != was.Push {
		text += ", was " + was.Push.String()
	}
	g.note(status.Push, text, string(now.Reason))
}

func (g *Gateway) moved(c fallback.Change) {
	what := map[fallback.Move]string{
		fallback.Joined: "joined", fallback.Parting: "is leaving", fallback.Left: "has left",
		fallback.Vanished: "vanished without a goodbye", fallback.Returned: "had vanished, and is back",
	}[c.Move]
	g.note(status.Fleet, fmt.Sprintf("gateway %s (%s) %s, with %d streams", c.Node, c.Instance, what, c.Streams), "")
}

// flagText says who gets push.
func flagText(f pace.Flag) string {
	by := map[string]string{"configuration": "the configuration", "override": "nudge push"}[f.By()]
	if !f.Enabled {
		return "the flag is off, set by " + by
	}
	return fmt.Sprintf("the flag is on for %d%% of users, set by %s", f.Percent, by)
}

// text says what became of a changed configuration.
func (r Reload) text() string {
	switch {
	case !r.Applied:
		return "the configuration was refused: " + r.Problem
	case len(r.Changed) == 0:
		return r.Problem
	case r.Problem != "":
		return "reloaded: " + strings.Join(r.Changed, ", ") + "; " + r.Problem
	}
	return "reloaded: " + strings.Join(r.Changed, ", ")
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
	r.Get("/status/history", g.historyPage)
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
