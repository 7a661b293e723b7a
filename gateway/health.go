package gateway

import (
	"math"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"nudge/fallback"
)

// readyMost is how long a gateway may keep itself from traffic at start: without Redis it serves all the
// same, and says that push is down.
const readyMost = 10 * time.Second

// condition is the body of /live and /ready.
type condition struct {
	Status string        `json:"status"`
	Push   fallback.Push `json:"push"`
	Reason string        `json:"reason"` // why push is as it is; "" when healthy
}

// live serves GET /live: the process answers. Nothing else makes it fail: restarting a gateway mends no Redis.
func (g *Gateway) live(w http.ResponseWriter, _ *http.Request) {
	v := g.pulse.heard()
	writeOK(w, condition{"live", v.Push, string(v.Reason)})
}

// ready serves GET /ready: the gateway wants traffic.
func (g *Gateway) ready(w http.ResponseWriter, _ *http.Request) {
	v := g.pulse.heard()
	status, code := "ready", http.StatusOK
	switch {
	case g.phase.Load() != serving:
		status, code = "draining", http.StatusServiceUnavailable
	case !g.settled(time.Now()):
		status, code = "starting", http.StatusServiceUnavailable
	}
	writeJSON(w, code, "application/json", condition{status, v.Push, string(v.Reason)})
}

// settled tells whether a start is over: the first echo has come and the fleet was listened to since.
func (g *Gateway) settled(now time.Time) bool {
	until := g.listenUntil.Load()
	return until != 0 && now.UnixNano() >= until || now.Sub(g.begun) >= readyMost
}

// status is the body of /status.
type status struct {
	Protocol int       `json:"protocol"`
	Node     string    `json:"node"`
	Instance string    `json:"instance"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Phase    string    `json:"phase"`
	Reason   string    `json:"reason"`
	LastEcho time.Time `json:"last_echo,omitzero"`
	cadence
	pressure
	Flag     flagStatus   `json:"flag"`
	Streams  int          `json:"streams"` // and held polls
	Projects int          `json:"projects"`
	Refusing string       `json:"refusing"`
	Missed   missedStatus `json:"missed"`
	Fleet    fleetStatus  `json:"fleet"`
}

// pressure is what the pace follows from, in the body of /status. All of it is of the whole fleet, as far as this gateway
// knows.
type pressure struct {
	Browsers int `json:"browsers"`
	Polling  int `json:"polling"`  // of these, without a stream, and with a token
	Budget   int `json:"budget"`   // polls per second that the application can take
	Interval int `json:"interval"` // of these, without news
	Backlog  int `json:"backlog"`  // polls that news asked for and that have yet to come
	Step     int `json:"step"`     // of the trust ramp
}

func (g *Gateway) pressure() pressure {
	step, b := g.pulse.decided()
	return pressure{
		Browsers: b.browsers, Polling: b.polling, Budget: int(b.capacity), Interval: int(math.Ceil(b.interval)),
		Backlog: int(math.Round(g.spreader.pending())), Step: step,
	}
}

// statusPage serves GET /status.
func (g *Gateway) statusPage(w http.ResponseWriter, r *http.Request) {
	v := g.pulse.heard()
	writeOK(w, status{
		Protocol: protocol, Node: g.opt.Node, Instance: g.opt.Instance, Version: g.opt.Version, Started: g.begun,
		Phase: g.phase.Load().String(), Reason: string(v.Reason), LastEcho: v.LastEcho, cadence: newCadence(g.pulse.now()), pressure: g.pressure(),
		Flag: g.current.Load().flagStatus(), Streams: g.streams(), Projects: g.hub.projects(), Refusing: g.refusing(r),
		Missed: g.inquiry.status(time.Now()), Fleet: g.fleetStatus(),
	})
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// opsRoutes are for operators only: they say more than the public may know, and cost more.
func (g *Gateway) opsRoutes() http.Handler {
	r := g.router("")
	read(r, "/live", g.live)
	read(r, "/ready", g.ready)
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
