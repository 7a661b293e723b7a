package gateway

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"nudge/fallback"
	"nudge/gateway/limits"
)

// parkable is the connection of r if a stream that r asks for can be parked: a plain TCP one with nothing else on
// it, and ours. nil: the stream needs a goroutine.
func parkable(r *http.Request) *conn {
	c, ours := r.Context().Value(connKey{}).(*conn)
	if !canPark || !ours || r.TLS != nil || r.ProtoMajor != 1 {
		return nil
	}
	if _, tcp := c.Conn.(*net.TCPConn); !tcp {
		return nil
	}
	return c
}

// kind is what serves a stream on c.
func (c *conn) kind() limits.Kind {
	if c == nil {
		return limits.Goroutine
	}
	return limits.Parked
}

// park hands a stream that was admitted over to a loop, which owns its ticket from then on. The request's
// goroutine ends, and the server forgets the connection.
func (g *Gateway) park(w http.ResponseWriter, r *http.Request, on *conn, a *ask, c *current, t limits.Ticket) {
	now := time.Now()
	p := arrival{
		parked: parked{expires: second(a.who.Expires), token: a.who.Fingerprint(), ticket: t, bucket: fallback.BucketOf(a.who.Subject)},
		slots:  a.slots, judged: c,
	}
	p.end(expiry(a.who, c.Auth.Leeway, now, rand.Float64()), reasonExpired)
	p.end(rotation(c.Limits.StreamAge, now, rand.Float64()), reasonRotate)
	note(w, "stream", "parked")
	on.take(func(c *conn) { g.arrive(p, c) })
	streamHead(w.Header())
	// Without a length and unchunked the body ends with the connection, which proxies of all ages understand; and the
	// server closes the connection.
	w.Header().Set("Transfer-Encoding", "identity")
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil { // it goes no further than on
		g.log.Error("the head of a stream could not be written; please report this", "error", err)
	}
}

// arrive takes a connection over when its server is done with it.
func (g *Gateway) arrive(p arrival, c *conn) {
	p.head, p.more = *c.taken.Load(), c.heads.beyond.Load()
	if !bytes.HasSuffix(p.head, []byte("\r\n\r\n")) { // the server was closed meanwhile
		c.Conn.Close()
		g.admission.Release(limits.Parked, p.ticket)
		g.released()
		return
	}
	var err error
	if p.fd, err = detach(c.Conn, g.patience()); err != nil {
		g.log.Error("a connection could not be parked; if files are short, raise the limit (ulimit -n) or lower limits.streams", "error", err)
		g.admission.Release(limits.Parked, p.ticket)
		g.released()
		return
	}
	g.metrics.streams.Inc()
	if !g.loops[g.came()%uint64(len(g.loops))].park(p) {
		closeSocket(p.fd)
		g.ended(limits.Parked, p.ticket, reasonGone)
		g.released()
	}
}

// ended counts the end of a stream.
func (g *Gateway) ended(k limits.Kind, t limits.Ticket, why reason) {
	g.metrics.streams.Dec()
	g.metrics.closed[why].Inc()
	g.admission.Release(k, t)
}

// released tells that a connection which was parked, or was to be, is closed.
func (g *Gateway) released() {
	if g.opt.Released != nil {
		g.opt.Released()
	}
}
