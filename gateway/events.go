package gateway

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/gateway/stream/goroutine"
	"nudge/gateway/stream/parked"
)

// events serves GET /events: a stream.
func (g *Gateway) events(w http.ResponseWriter, r *http.Request) {
	req, p := g.subscribeRequest(r)
	if p != nil {
		g.refuse(w, p)
		return
	}
	if req.count(stream.Served) == 0 {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent) // push is off: after this an EventSource does not come back
		return
	}
	if g.drained() { // before the limits: a refusal by these would bring the browser back here
		g.refuseStream(w, r, draining())
		return
	}
	on := parked.Of(r)
	t, over := g.admission.Admit(kindOf(on), req.caller.Subject, address(r), time.Now())
	if over != nil {
		g.refuseStream(w, r, limited(over))
		return
	}
	g.pace.Opened(limits.KeyOf(req.caller.Subject))
	arrival := g.arrival(req, t, time.Now())
	if on != nil {
		g.park(w, on, arrival, t)
		return
	}
	g.carry(w, r, arrival, t)
}

// kindOf returns what carries a stream on c; nil: a connection that cannot be parked.
func kindOf(c *parked.Conn) limits.Kind {
	if c == nil {
		return limits.Goroutine
	}
	return limits.Parked
}

// refuseStream refuses a request for a stream. An EventSource gives up for good at a status such as 503, so it gets a
// stream that says when to come back, and ends.
func (g *Gateway) refuseStream(w http.ResponseWriter, r *http.Request, p *problem) {
	if !strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") {
		g.refuse(w, p)
		return
	}
	g.metrics.refused.WithLabelValues(p.Code).Inc()
	note(w, "refused", p.Code)
	after := p.retryAfter
	b := stream.AppendRetry(nil, after+time.Duration(rand.Int64N(int64(after)+1)))
	b = stream.AppendGoodbye(b, stream.Goodbye{Reason: p.goodbye, AfterMS: after.Milliseconds(), SpreadMS: after.Milliseconds()})
	g.metrics.goodbyes.Inc()
	goroutine.WriteOnce(w, b, 10*time.Second)
}
