package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"nudge/gateway/limits"
	"nudge/gateway/stream"
	"nudge/gateway/stream/parked"
	"nudge/version"
)

// versionsBody is the body of GET /versions.
type versionsBody struct {
	cadence
	SpreadMS int64  `json:"spread_ms"`
	Caller   string `json:"caller,omitempty"` // as in the hello of a stream
	projectStates
}

// projectStates is what is known of the requested projects.
type projectStates struct {
	Versions map[string]version.Version `json:"versions"`
	Unknown  []string                   `json:"unknown"`
	Waiting  []string                   `json:"waiting"`
	Denied   []string                   `json:"denied"`
	Off      []string                   `json:"off"`
}

// versions serves GET /versions: a cheap poll, answered from memory. With wait it is held until a version differs from
// the caller's.
func (g *Gateway) versions(w http.ResponseWriter, r *http.Request) *problem {
	req, p := g.subscribeRequest(r)
	if p != nil {
		return p
	}
	if p := g.overQuota(r, limits.Versions, req.caller); p != nil {
		return p
	}
	wait, err := parseWait(r.URL.Query().Get("wait"))
	if err != nil {
		return malformed(err)
	}
	if p := g.refuseWhileDown(); p != nil {
		return p
	}
	caller, served := g.counted(r, req.caller), req.projectsWith(stream.Served)
	if p := g.overProjects(caller, served); p != nil {
		return p
	}
	counts, extraOf := false, uint64(0) // a poll that is not held is no watcher
	if wait > 0 {
		t, over := g.admission.Admit(limits.Goroutine, caller, time.Now())
		if over != nil {
			return limited(over)
		}
		defer g.admission.Release(limits.Goroutine, t)
		g.metrics.held.Inc()
		defer g.metrics.held.Dec()
		defer parked.Carry(r)()
		limitAnswer(w, wait+stream.HelloMost)
		extraOf = uint64(caller.Counted().Key)
		if counts = g.pace.Streams.Count(caller.Counted()); counts {
			defer g.pace.Streams.Remove(caller.Counted())
			g.pace.Uncovered(1)
			defer g.pace.Uncovered(-1)
		}
	}
	if wait == 0 { // a held poll counts as a stream
		g.pace.Polled(caller.SubjectKey(), true, g.pace.Now().TTL(), time.Now())
	}
	excluded := len(served) == 0 && req.count(stream.Excluded) > 0
	held := g.hub.Hold(served, counts, extraOf)
	if held == nil {
		return draining()
	}
	defer held.Release()
	if g.current.Load() != req.judged { // flag or revocations changed meanwhile, and ended only the polls held then
		held.End()
	}
	states := g.hold(r.Context(), held, req, wait)
	if p := g.refuseWhileDown(); p != nil { // push went down meanwhile: a version may be missing in states
		return p
	}
	c := g.pace.Now()
	if excluded {
		c = g.pace.Without()
	}
	spread := g.spreadOf(caller.Counted(), held, states)
	writeOK(w, versionsBody{cadence: newCadence(c), SpreadMS: spread.Milliseconds(), Caller: req.caller.Tag(), projectStates: states})
	return nil
}

// spreadOf returns the spread of an answer: the spread of the change that ended the wait, or else a new one.
func (g *Gateway) spreadOf(caller limits.Counted, held *stream.Poll, states projectStates) time.Duration {
	if len(states.Versions)+len(states.Unknown) == 0 {
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

// parseWait parses a duration such as 25s, [stream.MostHeld] at most; "" is 0.
func parseWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("wait %.40q is not a duration; write it with its unit, such as wait=25s", text)
	}
	return min(d, stream.MostHeld), nil
}

// hold returns the states that differ from the caller's versions. First it waits until the source listens for all projects,
// for stream.HelloMost at most. Then it waits until something differs, or wait is over.
func (g *Gateway) hold(ctx context.Context, held *stream.Poll, req *subscribeRequest, wait time.Duration) projectStates {
	begun := time.Now()
	timer := time.NewTimer(stream.HelloMost)
	defer timer.Stop()
	listening, useful := false, req.count(stream.Served) > 0
	for {
		ended := held.Ended() // the page asks again, and the new flag decides
		states := g.projectStates(req)
		if !listening && len(states.Waiting) == 0 {
			listening = true
			timer.Reset(time.Until(begun.Add(wait)))
		}
		if ended || g.down() || listening && (wait == 0 || len(states.Versions) > 0 || !useful) {
			return states
		}
		select {
		case <-ctx.Done():
			return states
		case <-timer.C:
			if listening || time.Since(begun) >= wait {
				return states
			}
			listening = true // not for all projects, but it has waited long enough
			timer.Reset(time.Until(begun.Add(wait)))
		case <-held.Wake():
		}
	}
}

// projectStates sorts the projects by what is known of each. It leaves out versions that the caller has already.
func (g *Gateway) projectStates(req *subscribeRequest) projectStates {
	states := projectStates{ // nothing is nil, which JSON would write as null
		Versions: map[string]version.Version{}, Unknown: []string{}, Waiting: []string{},
		Denied: req.ids(stream.Denied), Off: req.ids(stream.Excluded),
	}
	for i, p := range req.projects {
		if p.Access != stream.Served {
			continue
		}
		id, m := p.Project.String(), req.marks[i]
		switch state := g.board.State(p.Project); {
		case !state.Listening:
			states.Waiting = append(states.Waiting, id)
		case !state.Known:
			states.Unknown = append(states.Unknown, id)
		case !m.Known || m.Version != state.Version:
			states.Versions[id] = state.Version
		}
	}
	return states
}
