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

// events serves GET /events: a stream. An EventSource gives up for good at a status such as 503. So instead of 429 and 503
// it gets a stream with a goodbye, which says when to come back.
func (g *Gateway) events(w http.ResponseWriter, r *http.Request) {
	p := g.openStream(w, r)
	if p == nil {
		return
	}
	if p.goodbye == "" || !strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") {
		g.refuse(w, p)
		return
	}
	g.countRefusal(w, p)
	after := p.retryAfter
	b := stream.AppendRetry(nil, after+time.Duration(rand.Int64N(int64(after)+1)))
	b = stream.AppendGoodbye(b, stream.Goodbye{Reason: p.goodbye, AfterMS: after.Milliseconds(), SpreadMS: after.Milliseconds()})
	g.metrics.goodbyes.Inc()
	goroutine.WriteOnce(w, b, 10*time.Second)
}

// openStream opens a stream, and returns nil when the stream was parked or has ended. Else it returns why it did not.
func (g *Gateway) openStream(w http.ResponseWriter, r *http.Request) *problem {
	req, p := g.subscribeRequest(r)
	if p != nil {
		return p
	}
	if req.count(stream.Served) == 0 {
		writeNothing(w) // push is off: after this an EventSource does not come back
		return nil
	}
	if g.drained() { // checked before the limits: their refusals bring the browser back to this gateway
		return draining()
	}
	conn, caller := parked.Of(r), g.counted(r, req.caller)
	if p := g.overQuota(r, limits.Connects, req.caller); p != nil {
		return p
	}
	if p := g.overProjects(caller, req.projectsWith(stream.Served)); p != nil {
		return p
	}
	admit := g.admission.AdmitNewer
	if r.URL.Query().Get("evict") == "0" { // a page that made room itself comes back
		admit = g.admission.Admit
	}
	t, over := admit(kindOf(conn != nil), caller, time.Now())
	if over != nil {
		return limited(over)
	}
	g.pace.Opened(caller.SubjectKey())
	arrival := g.arrival(req, caller, t, time.Now())
	if conn != nil {
		g.park(w, conn, arrival, t)
		return nil
	}
	return g.carry(w, r, arrival, t)
}

// kindOf returns what serves a stream, which is parked or not.
func kindOf(parked bool) limits.Kind {
	if parked {
		return limits.Parked
	}
	return limits.Goroutine
}
