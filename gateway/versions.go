package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/version"
)

// waitMost bounds how long a poll is held: proxies end requests that are silent for 30 s.
const waitMost = 25 * time.Second

// answer is the body of GET /versions.
type answer struct {
	pace.Wire
	SpreadMS int64 `json:"spread_ms"`
	holdings
}

// versions serves GET /versions: a cheap poll, answered from memory. With wait it is held until a version
// differs from what the caller has.
func (g *Gateway) versions(w http.ResponseWriter, r *http.Request) {
	wait, err := parseWait(r.URL.Query().Get("wait"))
	if err != nil {
		g.refuse(w, malformed(err))
		return
	}
	a, p := g.ask(r)
	if p != nil {
		g.refuse(w, p)
		return
	}
	if p := g.deaf(); p != nil {
		g.refuse(w, p)
		return
	}
	if wait > 0 {
		t, over := g.admission.Admit(limits.Goroutine, a.who.Subject, address(r), time.Now())
		if over != nil {
			g.refuse(w, limited(over))
			return
		}
		defer g.admission.Release(limits.Goroutine, t)
		g.pace.Uncovered(1)
		defer g.pace.Uncovered(-1)
	}
	if wait == 0 { // a held one counts as a stream
		g.pace.Polled(limits.KeyOf(a.who.Subject), true, g.pace.Now().TTL(), time.Now())
	}
	excluded := a.count(served) == 0 && a.count(off) > 0
	held := newWatch(a.slots) // which owns the slots from here on
	if !g.hub.join(held) {
		g.refuse(w, draining())
		return
	}
	defer g.hub.leave(held)
	h := g.hold(r.Context(), held, a.marks, wait)
	if p := g.deaf(); p != nil { // it became so meanwhile: what is missing in h proves nothing
		g.refuse(w, p)
		return
	}
	c := g.pace.Now()
	if excluded {
		c = g.pace.Without()
	}
	writeOK(w, answer{Wire: c.Wire(), SpreadMS: g.spreadOf(limits.KeyOf(a.who.Subject), held, h).Milliseconds(), holdings: h})
}

// spreadOf is the spread of an answer: that of the news that ended the wait, or one of its own.
func (g *Gateway) spreadOf(caller limits.Key, w *watch, h holdings) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(h.Versions)+len(h.Unknown) == 0:
		return 0
	case w.heard:
		return w.spread
	}
	return g.pace.Answer(caller, time.Now())
}

// deaf refuses while the gateway cannot know whether anything changed.
func (g *Gateway) deaf() *problem {
	if !g.down() {
		return nil
	}
	return unavailable("push is down, so the gateway does not know the versions; poll the application", g.pace.Now().Fast)
}

// parseWait reads a duration such as 25s; "" is none. More than the most counts as that.
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

// hold collects what differs from marks: at first as soon as the source listens to all, at the latest after
// helloMost; then, while nothing does, for as long as wait allows.
func (g *Gateway) hold(ctx context.Context, w *watch, marks []version.Mark, wait time.Duration) holdings {
	begun := time.Now()
	timer := time.NewTimer(helloMost)
	defer timer.Stop()
	listening := false
	for {
		w.mu.Lock()
		ready := listening || w.listeningLocked(g.board)
		h := w.holdLocked(g.board)
		leave := w.farewell != nil || w.recast // asked again, it is answered by the new flag
		w.mu.Unlock()
		keepDifferent(&h, marks)
		if ready && !listening {
			listening = true
			timer.Reset(time.Until(begun.Add(wait)))
		}
		if leave || g.down() || listening && (wait == 0 || len(h.Versions) > 0 || !w.useful()) {
			return h
		}
		select {
		case <-ctx.Done():
			return h
		case <-timer.C:
			if listening || time.Since(begun) >= wait {
				return h
			}
			listening = true // not all, but it must do
			timer.Reset(time.Until(begun.Add(wait)))
		case <-w.wake:
		}
	}
}

// useful tells whether waiting can bring anything.
func (w *watch) useful() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.slots, func(s slot) bool { return s.standing == served })
}

// keepDifferent takes out of h what the caller has.
func keepDifferent(h *holdings, marks []version.Mark) {
	for _, m := range marks {
		id := m.Project.String()
		if v, known := h.Versions[id]; known && m.Known && v == m.Version {
			delete(h.Versions, id)
		}
	}
}
