package gateway

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/gateway/stream/goroutine"
	"nudge/gateway/stream/loop"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// newLoops makes a loop for each CPU, stream.MostLoops at most. A gateway within another parks nothing.
func (g *Gateway) newLoops() (loops []*loop.Loop) {
	opt := loop.Options{
		Hub: g.hub, Node: g.opt.Node, Heartbeat: g.heartbeat.Load, Log: g.log,
		Rules:       func() *stream.Rules { return g.current.Load().rules },
		HelloSpread: func(o stream.Owner, now time.Time) time.Duration { return g.pace.Hello(readOwner(o).counted, now) },
		Ended:       g.ended, Closed: g.released, Sent: g.metrics.sent,
		Flushed:   func(d time.Duration) { g.metrics.flush.Observe(d.Seconds()) },
		Count:     func(o stream.Owner) bool { return g.pace.Streams.Count(readOwner(o).counted) },
		Left:      func(o stream.Owner) { g.pace.Streams.Remove(readOwner(o).counted) },
		CallerOf:  func(o stream.Owner) uint64 { return uint64(readOwner(o).counted.Key) },
		Uncovered: g.pace.Uncovered, Panicked: g.metrics.panics.Inc,
	}
	if g.opt.inner {
		return []*loop.Loop{loop.New(opt)}
	}
	if parked.Supported {
		opt.NewPoller = parked.NewPoller
	}
	for range min(runtime.GOMAXPROCS(0), stream.MostLoops) {
		loops = append(loops, loop.New(opt))
	}
	return loops
}

// patience returns how long a browser may read nothing before its stream is closed.
func (g *Gateway) patience() time.Duration { return stream.Patience(g.pace.Now().Heartbeat) }

// newRules makes the rules of streams from the flag and the revocations of c.
func newRules(c *current) *stream.Rules {
	return &stream.Rules{
		Allows: func(o stream.Owner, p version.Project) bool {
			return c.Flag.Allows(readOwner(o).bucket, p.String())
		},
		Revoked: func(o stream.Owner, p version.Project) bool {
			return c.revoked.MatchFingerprint(readOwner(o).token, p)
		},
	}
}

// ownerOf returns what a stream remembers of its caller: the fingerprint of the token, and the bucket of the subject. Without a
// subject, the key of the caller's network is in its place.
func ownerOf(who *auth.Caller, caller limits.Caller) (o stream.Owner) {
	token := who.Fingerprint()
	if who.Subject == "" {
		token.Subject = caller.Counted().Key
	}
	binary.NativeEndian.PutUint64(o[:], uint64(token.ID))
	binary.NativeEndian.PutUint64(o[8:], uint64(token.Subject))
	binary.NativeEndian.PutUint32(o[16:], token.Issued)
	o[20] = byte(fallback.BucketOf(who.Subject))
	return o
}

// owner is what [ownerOf] has packed.
type owner struct {
	token   auth.Fingerprint
	bucket  fallback.Bucket
	counted limits.Counted // how estimates of load count the caller
}

func readOwner(o stream.Owner) owner {
	e := binary.NativeEndian
	token := auth.Fingerprint{ID: limits.Key(e.Uint64(o[:])), Subject: limits.Key(e.Uint64(o[8:])), Issued: e.Uint32(o[16:])}
	bucket := fallback.Bucket(int8(o[20]))
	counted := limits.Counted{Key: token.Subject, Network: bucket == fallback.Nobody}
	if counted.Network {
		token.Subject = limits.Nobody
	}
	return owner{token, bucket, counted}
}

// arrival makes the stream of an admitted request, ready for a loop.
func (g *Gateway) arrival(req *subscribeRequest, caller limits.Caller, t limits.Ticket, now time.Time) loop.Arrival {
	c, who := req.judged, req.caller
	s := stream.NewState(ownerOf(who, caller), who.Expires)
	s.EndAt(stream.Expiry(who.Issued, who.Expires, c.Auth.Leeway, now, rand.Float64()), stream.Expired)
	s.EndAt(stream.Rotation(c.Limits.StreamAge, now, rand.Float64()), stream.Rotate)
	return loop.Arrival{State: s, Ticket: loop.Ticket(t), Projects: req.projects, Judged: c.rules, Caller: who.Tag()}
}

// addToLoop gives a stream to one of the loops. False: the gateway has ended.
func (g *Gateway) addToLoop(a loop.Arrival) bool {
	kind := kindOf(a.Line == nil)
	g.metrics.streams[kind].Inc()
	opened := g.bursts.Opened()
	a.Number = uint32(opened)
	if g.loops[opened%uint64(len(g.loops))].Add(a) {
		g.metrics.opened[kind].Inc()
		g.cuts.Opened(a.Number, time.Now())
		return true
	}
	g.metrics.streams[kind].Dec()
	return false
}

// park hands a stream and its ticket over to a loop. Then the request's goroutine ends, and the server forgets the
// connection.
func (g *Gateway) park(w http.ResponseWriter, conn *parked.Conn, a loop.Arrival, t limits.Ticket) {
	note(w, "stream", "parked")
	conn.HandOver(func(c net.Conn, head []byte) {
		if !g.takeOver(c, head, a) {
			g.admission.Release(limits.Parked, t)
			g.released()
		}
	})
	stream.SetHead(w.Header())
	// A body without a length and without chunks ends with the connection. Old proxies understand that too, and it makes
	// the server close the connection.
	w.Header().Set("Transfer-Encoding", "identity")
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil { // it only writes to conn, which keeps the head
		g.log.Error("the head of a stream could not be written", "error", err, "fix", reportFix)
	}
}

// takeOver gives a connection to a loop when its server is done with it. False: it has closed the connection.
func (g *Gateway) takeOver(c net.Conn, head []byte, a loop.Arrival) bool {
	a.Head = head
	if !bytes.HasSuffix(a.Head, []byte("\r\n\r\n")) { // the server was closed meanwhile
		c.Close()
		return false
	}
	var err error
	if a.FD, err = parked.Detach(c, g.patience()); err != nil {
		g.log.Error("a connection could not be parked", "error", err,
			"fix", "if file descriptors are short, raise their limit (LimitNOFILE= of the systemd unit, or ulimit -n), or lower limits.streams")
		return false
	}
	if !g.addToLoop(a) {
		parked.Close(a.FD)
		return false
	}
	return true
}

// carry serves a stream on the request's goroutine until it ends.
func (g *Gateway) carry(w http.ResponseWriter, r *http.Request, a loop.Arrival, t limits.Ticket) *problem {
	line := goroutine.New(w, g.patience())
	a.Line = line.Line
	if !g.addToLoop(a) {
		g.admission.Release(limits.Goroutine, t)
		return draining()
	}
	defer parked.Carry(r)()
	note(w, "ended", string(line.Serve(r.Context())))
	return nil
}

// ended counts the end of a stream, and releases its ticket.
func (g *Gateway) ended(t loop.Ticket, number uint32, parked bool, why stream.Reason) {
	kind := kindOf(parked)
	g.metrics.streams[kind].Dec()
	g.metrics.closed[kind][why].Inc()
	if cut := g.cuts.Ended(number, why == stream.Gone, g.current.Load().Limits.StreamAge, time.Now()); cut > 0 {
		g.log.Warn("something in front of the gateway ends streams after a fixed time; pages renew them before",
			"after", cut.Round(time.Second).String(), "fix", "give answers more time at the proxy, or set limits.stream_age below it: docs/proxies.md")
	}
	g.admission.Release(kind, limits.Ticket(t))
}

// released reports that a connection that was taken over from the server is closed.
func (g *Gateway) released() {
	if g.opt.Connections != nil {
		g.opt.Connections.Give()
	}
}

// endPolls ends held polls evenly over a time, so that they do not all come back at once.
func endPolls(polls []*stream.Poll, over time.Duration) {
	const slice = 20 * time.Millisecond // shorter waits are not worth a timer each
	for i, p := range polls {
		due := time.Duration(float64(over) * float64(i) / float64(len(polls)))
		switch {
		case due < slice:
			p.End()
		case due <= stream.MostHeld: // later the poll has ended by itself
			time.AfterFunc(due, p.End)
		}
	}
}
