package gateway

import (
	"net/http"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// pollAnswer is the body of /poll-interval.
type pollAnswer struct {
	Protocol int `json:"protocol"`
	cadence
	TTLMS          int64    `json:"ttl_ms"`
	ConnectAfterMS int64    `json:"connect_after_ms"`
	Denied         []string `json:"denied"`
	Off            []string `json:"off"`
	Refusing       string   `json:"refusing"`            // why a stream would be refused now; "": it would not
	Caller         string   `json:"caller,omitempty"`    // as in the hello of a stream; "": nobody
	Anonymous      bool     `json:"anonymous,omitempty"` // there was no token, and one is needed
}

// pollInterval serves GET /poll-interval: how often to poll now, and why there is no stream. Projects and token are
// optional; with them the answer is for this caller.
func (g *Gateway) pollInterval(w http.ResponseWriter, r *http.Request) *problem {
	who, err := g.caller(r)
	if err != nil && err != auth.ErrMissing {
		if p := g.overQuota(r, limits.Polls, &auth.Caller{}); p != nil {
			return p
		}
		p := unauthorized(err)
		w.Header().Set("X-Poll-Interval", g.pollSeconds())
		p.body = struct {
			*problem
			pollAnswer
		}{p, g.pollAnswer(r, &auth.Caller{Open: true}, nil, false)}
		return p
	}
	anonymous := who == nil
	if anonymous {
		// A caller who may see nothing. The answer tells a page whose cookie has expired that it has none.
		who = &auth.Caller{}
	}
	if who.FromCookie && g.foreign(r) {
		return g.foreignOrigin(r)
	}
	if p := g.overQuota(r, limits.Polls, who); p != nil {
		return p
	}
	marks, err := parseMarks(r.URL.RawQuery, g.current.Load().Limits.ProjectsPerStream)
	if err != nil {
		return malformed(err)
	}
	w.Header().Set("X-Poll-Interval", g.pollSeconds())
	answer := g.pollAnswer(r, who, marks, !anonymous)
	if answer.Anonymous = anonymous; !anonymous {
		answer.Caller = who.Tag()
	}
	writeOK(w, answer)
	return nil
}

// pollSeconds returns the fast interval for the X-Poll-Interval header.
func (g *Gateway) pollSeconds() string { return ceilSeconds(g.pace.Now().Fast) }

// pollAnswer returns the answer to who. known: the caller showed a valid token, or needs none.
func (g *Gateway) pollAnswer(r *http.Request, who *auth.Caller, marks []version.Mark, known bool) pollAnswer {
	access := g.current.Load().decideAccess(who, marks)
	served, off := access.count(stream.Served), access.count(stream.Excluded)
	excluded := served == 0 && off > 0
	if served+off == 0 { // no project that could tell
		excluded = !g.current.Load().Flag.AllowsCaller(fallback.BucketOf(who.Subject))
	}
	c, caller, now := g.pace.Now(), g.counted(r, who), time.Now()
	answer := pollAnswer{
		Protocol: stream.Protocol, Denied: access.ids(stream.Denied), Off: access.ids(stream.Excluded), Refusing: g.refusing(r),
	}
	noStream := served == 0 || answer.Refusing != ""
	g.pace.Polled(caller.SubjectKey(), noStream, c.TTL(), now)
	ttl := c.TTL()
	// Only such a caller waits for a change of the gateway. One who has no token waits for its user to log in, and its page
	// asks the application for a token each time.
	if noStream && known {
		ttl = min(ttl, g.pace.Return(caller.Counted(), c.Fast, now))
	}
	answer.TTLMS = ttl.Milliseconds()
	if excluded {
		c = g.pace.Without()
	} else {
		after := g.pace.ConnectAfter()
		if !noStream { // the caller may open a stream, and usually does
			after = max(after, g.pace.Connect(caller.Counted(), g.current.Load().Limits.ConnectsPerSecond, now))
		}
		answer.ConnectAfterMS = after.Milliseconds()
	}
	answer.cadence = newCadence(c)
	g.metrics.polls.Add(1)
	return answer
}

// refusing returns why a stream over the connection of r would be refused now; "": it would not.
func (g *Gateway) refusing(r *http.Request) string {
	switch {
	case g.drained():
		return "draining"
	case g.admission.Full(kindOf(parked.Of(r) != nil)):
		return "limit"
	}
	return ""
}

// down reports whether push is down, so that the gateway may miss changes.
func (g *Gateway) down() bool { return g.pace.Now().Push == fallback.Down }
