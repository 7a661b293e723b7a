package gateway

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"nudge/fallback"
)

// condition is the body of /live and /ready.
type condition struct {
	Status string        `json:"status"`
	Push   fallback.Push `json:"push"`
	Reason string        `json:"reason"` // why push is as it is; "" when healthy
}

// live serves GET /live: the process answers. Nothing else makes it fail: restarting a gateway does not repair Redis.
func (g *Gateway) live(w http.ResponseWriter, _ *http.Request) {
	v := g.pace.Verdict()
	writeOK(w, condition{"live", v.Push, string(v.Reason)})
}

// ready serves GET /ready: whether the gateway wants traffic.
func (g *Gateway) ready(w http.ResponseWriter, _ *http.Request) {
	v := g.pace.Verdict()
	status, code := "ready", http.StatusOK
	switch {
	case g.phase.Load() != serving:
		status, code = "draining", http.StatusServiceUnavailable
	case !g.pace.Settled(time.Now()), !g.current.Load().verifier.Ready():
		status, code = "starting", http.StatusServiceUnavailable
	}
	writeJSON(w, code, "application/json", condition{status, v.Push, string(v.Reason)})
}

// rootText is what the root answers: load balancers ask for it unless they are told otherwise.
const rootText = "Nudge serves. /ready says whether it wants traffic, /live whether it runs.\n"

// root serves GET /: the process answers.
func (g *Gateway) root(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(rootText)))
	io.WriteString(w, rootText)
}

// healthRoutes adds what load balancers and orchestrators ask for, with any method that they use. OPTIONS is what HAProxy asks by
// default; its answer has the status of GET.
func (g *Gateway) healthRoutes(r chi.Router) {
	for path, handle := range map[string]http.HandlerFunc{"/": g.root, "/live": g.live, "/ready": g.ready} {
		getAndHead(r, path, handle)
		r.Options(path, handle)
	}
}
