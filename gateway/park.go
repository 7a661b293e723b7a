package gateway

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"nudge/fallback"
)

// kindOf is what will serve a stream that r asks for. Parked are those whose connection is a plain TCP one with
// nothing else on it.
func kindOf(r *http.Request) kind {
	_, tcp := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if canPark && tcp && r.TLS == nil && r.ProtoMajor == 1 {
		return onLoop
	}
	return onGoroutine
}

// park hands a stream that was admitted over to a loop, which owns its ticket from then on. The request's
// goroutine ends, and the server forgets the connection.
func (g *Gateway) park(w http.ResponseWriter, r *http.Request, a *ask, c *current, t ticket) {
	streamHead(w.Header())
	head := answerHead(r, w.Header())
	now := time.Now()
	p := arrival{
		parked: parked{
			expire: second(expiry(a.who, c.Auth.Leeway, now, rand.Float64())),
			rotate: second(rotation(c.Limits.StreamAge, now, rand.Float64())), expires: second(a.who.expires),
			ticket: t, bucket: fallback.BucketOf(a.who.subject),
		},
		slots: a.slots, judged: c, head: head,
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil { // no server of ours does that
		g.log.Error("a connection could not be taken over; please report this", "error", err)
		g.admission.release(onLoop, t)
		return
	}
	p.more = buffered.Reader.Buffered() > 0
	note(r, "stream", "parked")
	if p.fd, err = detach(conn, g.patience()); err != nil {
		g.log.Error("a connection could not be parked; if files are short, raise the limit (ulimit -n) or lower limits.streams", "error", err)
		g.admission.release(onLoop, t)
		g.released()
		return
	}
	g.metrics.streams.Inc()
	if !g.loops[g.turn.Add(1)%uint64(len(g.loops))].park(p) {
		closeSocket(p.fd)
		g.ended(onLoop, t, reasonGone)
		g.released()
	}
}

// answerHead is the head of the answer as the server would have written it. Without a length and unchunked the body ends
// with the connection, which proxies of all ages understand.
func answerHead(r *http.Request, h http.Header) []byte {
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.%d 200 OK\r\n", min(r.ProtoMinor, 1))
	h.Write(&b) // it leaves out what would break a line
	b.WriteString("\r\n")
	return b.Bytes()
}

// ended counts the end of a stream.
func (g *Gateway) ended(k kind, t ticket, why reason) {
	g.metrics.streams.Dec()
	g.metrics.closed[why].Inc()
	g.admission.release(k, t)
}

// released tells the server that a connection which was taken from it is closed.
func (g *Gateway) released() {
	if g.opt.Released != nil {
		g.opt.Released()
	}
}
