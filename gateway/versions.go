package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/stream"
	"nudge/version"
)

// waitMost bounds how long a poll is held: proxies end requests that are silent for 30 s.
const waitMost = 25 * time.Second

// versionsBody is the body of GET /versions.
type versionsBody struct {
	pace.Wire
	SpreadMS int64 `json:"spread_ms"`
	holdings
}

// holdings is what is known of the projects that were asked for.
type holdings struct {
	Versions map[string]version.Version `json:"versions"`
	Unknown  []string                   `json:"unknown"`
	Waiting  []string                   `json:"waiting"`
	Denied   []string                   `json:"denied"`
	Off      []string                   `json:"off"`
}

// newHoldings has no nil in it: JSON would say null.
func newHoldings() holdings {
	return holdings{map[string]version.Version{}, []string{}, []string{}, []string{}, []string{}}
}

// versions serves GET /versions: a cheap poll, answered from memory. With wait it is held until a version differs from
// the one that the caller has.
func (g *Gateway) versions(w http.ResponseWriter, r *http.Request) *problem {
	wait, err := parseWait(r.URL.Query().Get("wait"))
	if err != nil {
		return malformed(err)
	}
	req, p := g.subscribeRequest(r)
	if p != nil {
		return p
	}
	if p := g.refuseWhileDown(); p != nil {
		return p
	}
	if wait > 0 {
		t, over := g.admission.Admit(limits.Goroutine, req.caller.Subject, address(r), time.Now())
		if over != nil {
			return limited(over)
		}
		defer g.admission.Release(limits.Goroutine, t)
		g.pace.Uncovered(1)
		defer g.pace.Uncovered(-1)
	}
	if wait == 0 { // a held one counts as a stream
		g.pace.Polled(limits.KeyOf(req.caller.Subject), true, g.pace.Now().TTL(), time.Now())
	}
	served := req.with(stream.Served)
	excluded := len(served) == 0 && req.count(stream.Excluded) > 0
	held := g.hub.Hold(served)
	if held == nil {
		return draining()
	}
	defer held.Release()
	h := g.hold(r.Context(), held, req, wait)
	if p := g.refuseWhileDown(); p != nil { // since then: that a version is not in h proves nothing now
		return p
	}
	c := g.pace.Now()
	if excluded {
		c = g.pace.Without()
	}
	spread := g.spreadOf(limits.KeyOf(req.caller.Subject), held, h)
	writeOK(w, versionsBody{Wire: c.Wire(), SpreadMS: spread.Milliseconds(), holdings: h})
	return nil
}

// spreadOf is the spread of an answer: that of the change that ended the wait, or one of its own.
func (g *Gateway) spreadOf(caller limits.Key, held *stream.Poll, h holdings) time.Duration {
	if len(h.Versions)+len(h.Unknown) == 0 {
		return 0
	}
	if spread, heard := held.Heard(); heard {
		return spread
	}
	return g.pace.Answer(caller, time.Now())
}

// refuseWhileDown refuses while the gateway cannot know whether anything changed.
func (g *Gateway) refuseWhileDown() *problem {
	if !g.down() {
		return nil
	}
	return unavailable("push is down, so the gateway does not know the versions; poll the application", g.pace.Now().Fast)
}

// parseWait parses a duration such as 25s; "" is none. What is above waitMost becomes waitMost.
func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("wait %.40q is not a duration; write it with its unit, such as wait=25s", text)
	}
	return min(d, waitMost), nil
}

// hold collects what differs from the versions that the caller has: at first as soon as the source listens for all
// projects, at the latest after stream.HelloMost; then, while nothing differs, for as long as wait allows.
func (g *Gateway) hold(ctx context.Context, held *stream.Poll, req *subscribeRequest, wait time.Duration) holdings {
	begun := time.Now()
	timer := time.NewTimer(stream.HelloMost)
	defer timer.Stop()
	listening, useful := false, req.count(stream.Served) > 0
	for {
		leave := held.Ended() // asked again, it is answered by the new flag
		h := g.holdings(req)
		if !listening && len(h.Waiting) == 0 {
			listening = true
			timer.Reset(time.Until(begun.Add(wait)))
		}
		if leave || g.down() || listening && (wait == 0 || len(h.Versions) > 0 || !useful) {
			return h
		}
		select {
		case <-ctx.Done():
			return h
		case <-timer.C:
			if listening || time.Since(begun) >= wait {
				return h
			}
			listening = true // not for all, but it must do
			timer.Reset(time.Until(begun.Add(wait)))
		case <-held.Wake():
		}
	}
}

// holdings sorts the projects by what is known of each. A version that the caller has is left out.
func (g *Gateway) holdings(req *subscribeRequest) holdings {
	h := newHoldings()
	h.Denied, h.Off = req.ids(stream.Denied), req.ids(stream.Excluded)
	for i, p := range req.projects {
		if p.Access != stream.Served {
			continue
		}
		id, m := p.Project.String(), req.marks[i]
		switch state := g.board.State(p.Project); {
		case !state.Listening:
			h.Waiting = append(h.Waiting, id)
		case !state.Known:
			h.Unknown = append(h.Unknown, id)
		case !m.Known || m.Version != state.Version:
			h.Versions[id] = state.Version
		}
	}
	return h
}
