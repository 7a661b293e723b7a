package gateway

import (
	"net/http"
	"strconv"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// pollTerms is the body of /poll-interval.
type pollTerms struct {
	Protocol int `json:"protocol"`
	pace.Wire
	TTLMS          int64    `json:"ttl_ms"`
	ConnectAfterMS int64    `json:"connect_after_ms"`
	Denied         []string `json:"denied"`
	Off            []string `json:"off"`
	Refusing       string   `json:"refusing"`            // why no stream would be let in now; "": it would
	Anonymous      bool     `json:"anonymous,omitempty"` // there was no token, and one is needed
}

// pollInterval serves GET /poll-interval: how often to poll now, and why there is no stream. Projects and
// token are optional; with them the flag's rules are this caller's.
func (g *Gateway) pollInterval(w http.ResponseWriter, r *http.Request) {
	marks, err := parseMarks(r.URL.RawQuery, g.current.Load().Limits.ProjectsPerStream)
	if err != nil {
		g.refuse(w, malformed(err))
		return
	}
	who, err := g.caller(r)
	if err != nil && err != auth.ErrMissing {
		p := unauthorized(err)
		w.Header().Set("X-Poll-Interval", g.pollSeconds())
		g.refuseWith(w, p, struct {
			*problem
			pollTerms
		}{p, g.pollTerms(r, &auth.Caller{Open: true}, nil)})
		return
	}
	anonymous := who == nil
	if anonymous {
		// Nobody, whom nothing covers. A page whose cookie has expired learns from it that it has none.
		who = &auth.Caller{}
	}
	if who.FromCookie && g.foreign(r) {
		g.refuse(w, foreignOrigin())
		return
	}
	w.Header().Set("X-Poll-Interval", g.pollSeconds())
	answer := g.pollTerms(r, who, marks)
	answer.Anonymous = anonymous
	writeOK(w, answer)
}

func (g *Gateway) pollSeconds() string {
	return strconv.FormatInt(g.pace.Now().FastSeconds(), 10)
}

func (g *Gateway) pollTerms(r *http.Request, who *auth.Caller, marks []version.Mark) pollTerms {
	a := g.decideAccess(who, marks)
	excluded := a.count(stream.Excluded) > 0 && a.count(stream.Served) == 0
	if a.count(stream.Excluded)+a.count(stream.Served) == 0 { // the projects do not tell
		excluded = !g.current.Load().Flag.AllowsCaller(fallback.BucketOf(who.Subject))
	}
	c := g.pace.Now()
	answer := pollTerms{
		Protocol: stream.Protocol, TTLMS: c.TTL().Milliseconds(),
		Denied: a.named(stream.Denied), Off: a.named(stream.Excluded), Refusing: g.refusing(r),
	}
	g.pace.Polled(limits.KeyOf(who.Subject), excluded || a.count(stream.Served) == 0 || answer.Refusing != "", c.TTL(), time.Now())
	if excluded {
		c = g.pace.Without()
	} else {
		after := g.pace.ConnectAfter()
		if a.count(stream.Served) > 0 && answer.Refusing == "" { // it may open one, and does, mostly
			after = max(after, g.pace.Connect(limits.KeyOf(who.Subject), g.current.Load().Limits.ConnectsPerSecond, time.Now()))
		}
		answer.ConnectAfterMS = after.Milliseconds()
	}
	answer.Wire = c.Wire()
	return answer
}

// refusing is why a stream would not be let in now, over a connection like that of r.
func (g *Gateway) refusing(r *http.Request) string {
	switch {
	case g.leaving():
		return "draining"
	case g.admission.Full(kindOf(parked.Of(r))):
		return "limit"
	}
	return ""
}

// down tells whether the gateway cannot know whether anything changed.
func (g *Gateway) down() bool { return g.pace.Now().Push == fallback.Down }
