package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// proof is how long after the hello the next event may come: the shim waits as long.
	proof = 5 * time.Second
	// late is how long after the request a hello that was held back until the heartbeat comes, at least, and together how
	// close both are then. A heartbeat soon after a prompt hello is none of these: it tells of a change.
	late     = 800 * time.Millisecond
	together = 300 * time.Millisecond
)

// projects are those that the stream asks for.
func (x *exam) projects() []string {
	all := slices.Clone(x.Projects)
	if len(all) == 0 {
		if name := x.claims.covered(); name != "" {
			all = append(all, name)
		}
	}
	if len(all) == 0 || x.Publish != nil && x.covered(TestProject) && !slices.Contains(all, TestProject) {
		all = append(all, TestProject)
	}
	return all
}

func (x *exam) covered(project string) bool { return x.Token == "" || x.claims.covers(project) }

// open opens a stream, and checks scope, push, compression and whether events are held back.
func (x *exam) open(ctx context.Context) bool {
	x.busy("waiting for the first events")
	with := byHeader
	if len(x.cookies) > 0 {
		with = byCookie
	}
	s, err := x.subscribe(ctx, "gzip", x.projects(), with)
	if err == nil && with == byCookie && s.refusal.gate.Code == "missing" {
		x.broken("cookie", headers, "let Cookie pass to /events", "the cookie does not come back at /events")
		s, err = x.subscribe(ctx, "gzip", x.projects(), byHeader)
	}
	if with == byCookie {
		x.ok("cookie", "the cookie that /session gave comes back%s", x.otherSite())
	}
	if err != nil {
		x.heldBack(ctx, nil, err.Error())
		return true
	}
	if s.status != http.StatusOK || s.refusal.header != nil {
		return x.refusedStream(s.refusal)
	}
	hello := s.until(ctx, s.began.Add(patience), is("hello"))
	if hello == nil {
		if lived := s.lived(); lived > 0 {
			x.cutEarly(lived, "before the first event")
			return true
		}
		x.heldBack(ctx, s, fmt.Sprintf("no event within %v", patience))
		return true
	}
	x.scoped(hello)
	x.health(ctx, hello)
	heartbeat := s.until(ctx, hello.at.Add(proof), func(e event) bool { return e.kind == "heartbeat" || e.kind == "goodbye" })
	switch {
	case heartbeat == nil && s.lived() > 0:
		x.cutEarly(s.lived(), "after the first event")
		return true
	case heartbeat == nil:
		x.heldBack(ctx, s, fmt.Sprintf("the first event came after %s, but not the second, 1 s later: events wait for the next one, or for a buffer to fill", seconds(hello.at.Sub(s.began))))
		return true
	case heartbeat.kind == "heartbeat" && s.waited(hello, heartbeat):
		x.heldBack(ctx, s, fmt.Sprintf("the first event came after %s together with the second: events wait for the next one", seconds(hello.at.Sub(s.began))))
		return true
	}
	if s.encoding == "" || s.encoding == "identity" {
		x.ok("compression", "the stream is not compressed")
	} else {
		x.ok("compression", "%s, which passes each event on at once", s.encoding)
	}
	x.stream = s
	if s.major > 1 && x.heldOverHTTP1(ctx) {
		x.broken("events", buffering, "let the proxy pass each event on at once",
			"over HTTP/2 events arrive, but over HTTP/1.1 they are held back: some browsers use that, such as those behind a proxy that reads TLS")
		return true
	}
	x.ok("events", "the first after %s, the second %s later", seconds(hello.at.Sub(s.began)), seconds(heartbeat.at.Sub(hello.at)))
	return true
}

// heldOverHTTP1 tells whether events are held back over HTTP/1.1, where they arrive over HTTP/2: an nginx behind TLS writes at
// once over HTTP/2 whatever comes, and over HTTP/1.1 only when its buffer is full.
func (x *exam) heldOverHTTP1(ctx context.Context) bool {
	x.busy("waiting for the first events over HTTP/1.1")
	both := x.http
	defer func() { x.http = both }()
	x.http = both.Clone()
	x.http.Protocols = new(http.Protocols)
	x.http.Protocols.SetHTTP1(true)
	x.http.TLSClientConfig.NextProtos = nil
	defer x.http.CloseIdleConnections()
	began := time.Now()
	s, err := x.subscribe(ctx, "identity", x.projects(), byHeader)
	if err != nil {
		return time.Since(began) >= patience // else HTTP/1.1 is not served at all
	}
	defer s.stop()
	if s.refusal.header != nil {
		return false
	}
	hello := s.until(ctx, s.began.Add(proof), is("hello"))
	if hello == nil {
		return s.lived() == 0
	}
	heartbeat := s.until(ctx, hello.at.Add(proof), is("heartbeat"))
	return s.lived() == 0 && (heartbeat == nil || s.waited(hello, heartbeat))
}

func (x *exam) cutEarly(lived time.Duration, when string) {
	x.skip("events", "cut is broken")
	x.broken("cut", cut, "let answers of /events live without a limit, and allow 75 s of silence", "the stream is cut after %s, %s", seconds(lived), when)
}

// refusedStream says why there is no stream. It returns false if nothing else can be checked.
func (x *exam) refusedStream(a reply) bool {
	switch {
	case !a.ours:
		x.broken("events", path, "let GET /events pass to the gateway, and the answer as it is", "/events is no stream: %s", a.says())
	case a.status == http.StatusUnauthorized:
		x.broken("token", "", "give one with --token or NUDGE_TOKEN, or set auth.secret here to sign one", "%s", a.says())
		return false
	case a.status == http.StatusForbidden && a.gate.Code == "forbidden":
		x.broken("scope", "", "let the application list the project in the claim subscribe; --project names another", "the token does not cover %s", strings.Join(x.projects(), ", "))
		x.skip("events", "scope is broken")
	case a.status == http.StatusNoContent:
		x.off()
	case a.status == http.StatusForbidden:
		x.broken("host", host, "let the proxy pass Host on", "%s", a.says())
	default:
		x.broken("events", "", "wait, and try again; nudge status names the limit", "%s", a.says())
	}
	return true
}

func (x *exam) off() {
	x.broken("push", "", "nudge push status says why; push.enabled, percent, include and exclude decide", "push is off for %s", strings.Join(x.projects(), ", "))
	x.skip("events", "push is broken")
}

// scoped looks for projects that the hello leaves out.
func (x *exam) scoped(hello *event) {
	if denied := hello.data.Denied; len(denied) > 0 {
		x.broken("scope", "", "let the application list the project in the claim subscribe", "the token does not cover %s", strings.Join(denied, ", "))
		return
	}
	if x.Token == "" {
		x.ok("token", "none is needed")
		x.skip("scope", "the gateway is open")
		return
	}
	x.ok("token", "the gateway accepts it")
	x.ok("scope", "the token covers %s", strings.Join(x.projects(), ", "))
}

// health looks at what the gateway says of push.
func (x *exam) health(ctx context.Context, hello *event) {
	x.push = hello.data.Push
	if len(hello.data.Off) > 0 {
		x.broken("push", "", "nudge push status says why; push.include and push.exclude decide", "push is off for %s", strings.Join(hello.data.Off, ", "))
		return
	}
	if x.push == "healthy" {
		x.ok("push", "healthy")
		return
	}
	reason := x.send(x.request(ctx, http.MethodGet, "live", nil, byNothing)).gate.Reason
	if reason == "" {
		reason = "no reason is known"
	}
	if x.push == "degraded" {
		x.ok("push", "degraded (%s): pages poll faster until it has proven itself", reason)
		return
	}
	x.broken("push", "", "look at the gateway's log; docs/reasons.md has each reason", "%s (%s): the gateway gets no news", x.push, reason)
}

// heldBack says what holds events back: it opens a stream that must not be compressed, and one whose first event is long.
func (x *exam) heldBack(ctx context.Context, s *stream, says string) {
	encoding := ""
	if s != nil {
		encoding = s.encoding
		s.stop()
	}
	x.busy("events are held back; trying without compression")
	if x.arrives(ctx, x.projects()) {
		x.broken("compression", compression, "do not compress text/event-stream", "compression (%s) holds events back: %s", orUnknown(encoding), says)
		x.skip("events", "compression is broken")
		return
	}
	x.skip("compression", "events is broken")
	x.busy("events are held back; trying a first event of 8 kB")
	size := "more than 8 kB"
	if x.arrives(ctx, x.long()) {
		size = "between 3 and 8 kB"
	}
	if s != nil && len(s.events) > 0 {
		x.broken("events", buffering, "let the proxy pass each event on at once", "%s", says)
		return
	}
	x.broken("events", buffering, "let the proxy pass each event on at once", "%s: a buffer holds back %s, or until the answer ends", says, size)
}

func orUnknown(encoding string) string {
	if encoding == "" {
		return "of any kind"
	}
	return encoding
}

// long are so many projects that the hello has 8 kB.
func (x *exam) long() []string {
	all := x.projects()
	for i := range 40 {
		all = append(all, fmt.Sprintf("%s-%d%s", TestProject, i, strings.Repeat("x", 110)))
	}
	return all
}

// arrives tells whether a stream that is not compressed gets its first two events one by one.
func (x *exam) arrives(ctx context.Context, projects []string) bool {
	s, err := x.subscribe(ctx, "identity", projects, byHeader)
	if err != nil || s.refusal.header != nil {
		return false
	}
	defer s.stop()
	hello := s.until(ctx, s.began.Add(proof), is("hello"))
	if hello == nil {
		return false
	}
	if len(projects) > 40 {
		return true
	}
	heartbeat := s.until(ctx, hello.at.Add(proof), is("heartbeat"))
	return heartbeat != nil && !s.waited(hello, heartbeat)
}

// waited tells whether the hello was held back until the heartbeat.
func (s *stream) waited(hello, heartbeat *event) bool {
	return hello.at.Sub(s.began) >= late && heartbeat.at.Sub(hello.at) < together
}
