package gateway

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"nudge/gateway/limits"
)

// events serves GET /events: the stream.
func (g *Gateway) events(w http.ResponseWriter, r *http.Request) {
	c := g.current.Load() // one for judging, and for knowing by which it was judged
	a, p := g.ask(r)
	if p != nil {
		g.refuse(w, p)
		return
	}
	if a.count(served) == 0 {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent) // off: an EventSource takes it as an end for good
		return
	}
	if g.leaving() { // before the limits: whoever may not come in must not come back here
		g.refuseStream(w, r, draining())
		return
	}
	on := parkable(r)
	k := on.kind()
	t, over := g.admission.Admit(k, a.who.Subject, address(r), time.Now())
	if over != nil {
		g.refuseStream(w, r, limited(over))
		return
	}
	g.pace.Opened(limits.KeyOf(a.who.Subject))
	if on != nil {
		g.park(w, r, on, a, c, t)
		return
	}
	s := g.newStream(a.who, a.slots, time.Now())
	if !g.hub.join(s.watch) {
		g.admission.Release(k, t)
		g.refuseStream(w, r, draining())
		return
	}
	g.metrics.streams.Inc()
	ended := reasonGone
	defer func() {
		g.hub.leave(s.watch)
		s.recount(true)
		g.ended(k, t, ended)
		note(w, "ended", string(ended))
	}()
	ended = s.serve(r.Context(), w)
}

// refuseStream refuses with a status that an EventSource does not outlive; where one asks, with a stream that
// says when to come back, and ends.
func (g *Gateway) refuseStream(w http.ResponseWriter, r *http.Request, p *problem) {
	if !strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") {
		g.refuse(w, p)
		return
	}
	g.metrics.refused.WithLabelValues(p.Code).Inc()
	note(w, "refused", p.Code)
	after := p.retryAfter
	b := appendRetry(nil, after+time.Duration(rand.Int64N(int64(after)+1)))
	b = appendEvent(b, "goodbye", goodbye{p.goodbye, after.Milliseconds(), after.Milliseconds()})
	g.metrics.goodbyes.Inc()
	newPipe(w).write(b, 10*time.Second) // if the browser has gone, there is nobody to tell
}
