package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/auth/jwks"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/rollout"
	"nudge/gateway/shadow"
	"nudge/gateway/status"
	"nudge/gateway/stream"
	"nudge/internal/quantity"
	"nudge/version"
)

// Status is the body of /status, for operators. Its fields may change.
type Status struct {
	Protocol int       `json:"protocol"`
	Node     string    `json:"node"`
	Instance string    `json:"instance"`
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`     // of this answer
	Revision int64     `json:"revision"` // greater after each change that the status page shows
	Started  time.Time `json:"started"`
	Phase    string    `json:"phase"`
	Reason   string    `json:"reason"`
	Since    time.Time `json:"since"` // since when push is what it is
	// Advice is what the reason means, and what to do; nil: push is healthy.
	Advice   *status.Advice `json:"advice,omitempty"`
	LastEcho time.Time      `json:"last_echo,omitzero"`
	cadence
	pace.Pressure
	Flag pace.FlagStatus `json:"flag"`
	// Rollout is that of the fleet, as this gateway sees it; nil: there is none.
	Rollout  *rollout.Status `json:"rollout,omitempty"`
	Streams  int             `json:"streams"` // and held polls
	Projects int             `json:"projects"`
	Refusing string          `json:"refusing"`
	// Limited is how many requests and streams each limit has refused since the start, by name.
	Limited map[string]uint64 `json:"limited,omitempty"`
	// Revocations is how many are in force here.
	Revocations int `json:"revocations"`
	// Connections are those of the public listener; nil: they are not counted.
	Connections *limits.ConnectionCount `json:"connections,omitempty"`
	Missed      pace.MissedStatus       `json:"missed"`
	// Saved is how many polls the streams of this gateway have not made since the start, by model; Caused is how many polls
	// changes have caused, counted.
	Saved  float64 `json:"saved"`
	Caused uint64  `json:"caused"`
	// Reload is what became of the last change of the configuration; nil: there was none.
	Reload *Reload `json:"reload,omitempty"`
	Top    Top     `json:"top"`
	// Keys are the key sets of auth.jwks and auth.issuers.
	Keys []jwks.Status `json:"keys,omitempty"`
	// Projects whose stored version is ahead of the application, newest report first; 100 at most.
	Ahead []pace.AheadProject `json:"ahead,omitempty"`
	// Shadow is what pages with push: 'shadow' saw, at all gateways.
	Shadow shadow.Summary   `json:"shadow"`
	Fleet  pace.FleetStatus `json:"fleet"`
}

// Top are the busiest projects of a gateway, ten at most of each kind.
type Top struct {
	Watchers []stream.Counted `json:"watchers"` // streams and held polls of each
	Advances []stream.Counted `json:"advances"` // changes of each, while it was watched
	Since    time.Time        `json:"since"`    // since when advances were counted: an hour at most
}

func (g *Gateway) top() Top {
	const most = 10
	advances, since := g.hub.MostAdvanced(most)
	return Top{g.hub.MostWatched(most), advances, since}
}

// statusPage serves GET /status: a page for browsers, JSON for all others.
func (g *Gateway) statusPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if status.WantsPage(r) {
		status.Page(w, r)
		return
	}
	v, now := g.pace.Verdict(), time.Now()
	writeOK(w, Status{
		Time: now, Revision: g.revision.Load(), Advice: status.AdviceOn(string(v.Reason)), Top: g.top(),
		Protocol: stream.Protocol, Node: g.opt.Node, Instance: g.opt.Instance, Version: g.opt.Version, Started: g.begun,
		Phase: phases[g.phase.Load()], Reason: string(v.Reason), Since: g.pace.Since(), LastEcho: v.LastEcho, cadence: newCadence(g.pace.Now()), Pressure: g.pace.Pressure(),
		Flag: g.current.Load().Flag.Status(), Rollout: g.rolloutStatus(now), Streams: g.streams(), Projects: g.hub.Projects(), Refusing: g.refusing(r),
		Connections: g.opt.Connections.Count(), Revocations: g.revocations(), Limited: g.metrics.limitCounts(), Keys: g.keys.Status(),
		Saved: g.pace.Saved(), Caused: g.metrics.caused.Load(), Reload: g.reload.Load(),
		Missed: g.pace.MissedStatus(), Ahead: g.pace.Ahead(), Shadow: g.shadow.Summary(now), Fleet: g.pace.FleetStatus(),
	})
}

// historyPage serves GET /status/history: the points after a Unix second, and the last changes.
func (g *Gateway) historyPage(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		g.refuse(w, malformed(errors.New("after is no Unix second; leave it out to get all points")))
		return
	}
	writeOK(w, g.history.Answer(after))
}

// sample fills the history, and forgets tokens that nobody sends any more, until ctx ends.
func (g *Gateway) sample(ctx context.Context) error {
	g.note(status.Phase, "this gateway has started", "")
	tick := time.NewTicker(status.Every)
	defer tick.Stop()
	for now := time.Now(); ; {
		p := g.pace.Pressure()
		s := status.Sample{Push: g.pace.Verdict().Push}
		s.Streams, s.Polling, s.Polls, s.Saved = float64(g.streams()), float64(p.Polling), p.Interval, g.pace.Saved()
		s.Caused, s.Asked = float64(g.metrics.caused.Load()), float64(g.metrics.polls.Load())
		s.Advances = float64(g.metrics.advances.Load())
		for _, f := range fallback.Faults() {
			s.Missed += float64(g.pace.MissedCount(f))
		}
		g.history.Add(s, now)
		g.revise()
		g.current.Load().verifier.Forget()
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
	}
}

// note shows operators a change of state.
func (g *Gateway) note(kind status.Kind, text, reason string) {
	g.history.Note(status.Change{At: time.Now(), Kind: kind, Text: text, Reason: reason})
	g.revise()
}

// revise tells open status pages that there is something new.
func (g *Gateway) revise() {
	next := g.revision.Add(1)
	if g.follower != nil {
		_, _ = g.follower.source.Publish(context.Background(), []version.News{{Project: statusProject, Version: version.Version(next)}}) // into memory: it cannot fail
	}
}

// statusProject is what the status page watches at its own gateway.
var statusProject, _ = version.ParseProject("status")

// followPaths are what the status page uses of its own gateway.
var followPaths = map[string]string{
	"/events": http.MethodGet, "/versions": http.MethodGet, "/poll-interval": http.MethodGet, "/missed": http.MethodPost,
}

// newFollower returns a gateway within this one that only serves the status page. Its source is memory, so the page is told of
// an outage of Redis by the same code that pages of applications rely on. Everybody who reaches the operators' listener may
// follow it.
func newFollower(outer *Options) (*Gateway, error) {
	return New(Options{
		Source: func(b *version.Board, h Host) (version.Source, error) {
			return version.NewMemory(b, version.MemoryOptions{Evidence: h.Evidence}), nil
		},
		Settings: Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100},
			Policy: fallback.Policy{
				Fast: status.Every, Slow: time.Minute, Longest: time.Minute, Gap: time.Second, Jitter: 0.1, Heartbeat: 15 * time.Second,
			},
			Auth:   auth.Settings{Open: true},
			Limits: limits.Settings{Streams: mostFollowers, GoroutineStreams: mostFollowers},
		},
		Proven: true, Node: outer.Node, Instance: outer.Instance, Version: outer.Version, BasePath: "/status", HSTS: outer.HSTS,
		inner: true,
	})
}

// mostFollowers is how many status pages may have a stream. Further ones poll.
const mostFollowers = 100

// followed serves what the status page uses of its own gateway. It hides the connection: the operators' listener counts its
// connections itself, so no stream may take one over.
func (g *Gateway) followed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.follower.public.ServeHTTP(w, r.WithContext(bareContext{r.Context()}))
	})
}

// bareContext is a context without values.
type bareContext struct{ context.Context }

func (bareContext) Value(any) any { return nil }

func (g *Gateway) judged(was, now fallback.Verdict) {
	text := "push is " + now.Push.String()
	if now.Push != was.Push {
		text += ", was " + was.Push.String()
	}
	g.note(status.Push, text, string(now.Reason))
}

func (g *Gateway) moved(c fallback.Change) {
	what := map[fallback.Move]string{
		fallback.Joined: "joined", fallback.Parting: "is leaving", fallback.Left: "has left",
		fallback.Vanished: "vanished without a goodbye", fallback.Returned: "had vanished, and is back",
	}[c.Move]
	g.note(status.Fleet, fmt.Sprintf("gateway %s (%s) %s, with %s", c.Node, c.Instance, what, quantity.Of(c.Streams, "stream")), "")
}

// flagText says who gets push.
func flagText(f pace.Flag) string {
	by := map[string]string{"configuration": "the configuration", "override": "nudge push"}[f.By()]
	o := f.Fleet.Override
	if f.By() != "override" {
		o = nil
	}
	switch {
	case !f.Enabled && o != nil && o.Why != "":
		return "the flag is off, since a guard ended the rollout: " + o.Why
	case !f.Enabled:
		return "the flag is off, set by " + by
	case o != nil && o.Rollout != nil:
		return fmt.Sprintf("the flag is on for %d%% of users, on the way to %d%%, set by %s", f.Percent, o.Rollout.Goal, by)
	}
	return fmt.Sprintf("the flag is on for %d%% of users, set by %s", f.Percent, by)
}

// Text says what became of a changed configuration.
func (r Reload) Text() string {
	switch {
	case !r.Applied:
		return "the configuration was refused: " + r.Problem
	case len(r.Changed) == 0:
		return r.Problem
	case r.Problem != "":
		return "reloaded: " + strings.Join(r.Changed, ", ") + "; " + r.Problem
	}
	return "reloaded: " + strings.Join(r.Changed, ", ")
}
