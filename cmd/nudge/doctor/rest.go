package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// hold is how long the long poll is held: shorter than what cuts answers off, which the check of the stream finds.
const hold = time.Second

// wholeWay publishes a version through Redis, and waits for it on the stream.
func (x *exam) wholeWay(ctx context.Context) bool {
	why := ""
	switch {
	case x.Publish == nil:
		why = x.NoPublish
	case !x.covered(TestProject):
		why = "the token does not cover the project " + TestProject
	case x.push == "down" || x.done("push") && x.push == "":
		why = "push is broken"
	case x.stream == nil:
		why = "no stream gets events"
	}
	if why != "" {
		x.skip("redis", why)
		return true
	}
	began := time.Now()
	v := began.UnixMilli() // greater than at the last run
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := x.Publish(within, v); err != nil {
		x.broken("redis", "", "correct redis in this configuration; nudge publish "+TestProject+"@1 does the same", "publish: %v", err)
		return true
	}
	arrived := x.stream.until(ctx, began.Add(proof), func(e event) bool {
		return e.data.Project == TestProject && e.data.Version >= v || e.data.Versions[TestProject] >= v
	})
	switch {
	case arrived == nil && x.stream.lived() > 0:
		x.skip("redis", "the stream ended meanwhile")
	case arrived == nil:
		x.broken("redis", "", "give the gateway and the publisher the same redis.url, redis.db and redis.prefix",
			"Redis took a version, but the gateway did not send it within %v: it listens to another Redis", proof)
	default:
		x.ok("redis", "a version was on the stream %s after it was published", seconds(arrived.at.Sub(began)))
	}
	return true
}

// ask checks the two endpoints that pages use beside the stream.
func (x *exam) ask(ctx context.Context) bool {
	project := x.projects()[0]
	a := x.send(x.request(ctx, http.MethodGet, "poll-interval", url.Values{"project": {project}}, byHeader))
	if a.status == http.StatusOK && a.ours && a.gate.PollMS != nil {
		x.ok("poll-interval", "answers after %s", seconds(a.took))
	} else {
		x.broken("poll-interval", path, "let GET /poll-interval pass to the gateway, and the answer as it is", "%s", a.says())
	}
	if x.done("push") && x.push == "down" {
		x.skip("long-poll", "push is broken")
		return true
	}
	x.busy("holding a poll for %v", hold)
	if x.stream != nil {
		if v, known := x.stream.version(project); known {
			project = fmt.Sprintf("%s@%d", project, v)
		}
	}
	a = x.send(x.request(ctx, http.MethodGet, "versions", url.Values{"project": {project}, "wait": {hold.String()}}, byHeader))
	switch {
	case a.status == http.StatusOK && a.ours:
		x.ok("long-poll", "held for %s and answered", seconds(a.took))
	case a.gate.Code == "forbidden":
		x.skip("long-poll", "scope is broken")
	case a.ours && a.gate.Code == "limit" || a.ours && len(x.report.Broken) > 0 && x.stream == nil:
		x.skip("long-poll", a.says()) // the gateway answers, so the path is open
	default:
		x.broken("long-poll", path, "let GET /versions pass to the gateway, and allow 30 s for the answer", "%s", a.says())
	}
	return true
}

// version is the newest version of a project that the stream told.
func (s *stream) version(project string) (v int64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if now, ok := e.data.Versions[project]; ok {
			v, known = now, true
		}
		if e.kind == "version" && e.data.Project == project {
			v, known = e.data.Version, true
		}
	}
	return v, known
}

// last watches the stream, to see whether something cuts it.
func (x *exam) last(ctx context.Context) bool {
	s := x.stream
	if s == nil || x.Watch == 0 {
		why := "no stream gets events"
		if s != nil {
			why = "--watch is 0s"
		}
		x.skip("cut", why)
		return true
	}
	defer s.stop()
	end := s.began.Add(x.Watch)
	if rest := time.Until(end); rest > 0 {
		x.busy("watching the stream for %s more, to see whether something cuts it", rest.Round(time.Second))
	}
	heartbeat := time.Duration(s.first().data.HeartbeatMS) * time.Millisecond
	goodbye := s.until(ctx, end, is("goodbye"))
	silent := time.Since(s.newest().at)
	switch {
	case goodbye != nil:
		x.ok("cut", "the gateway ended the stream itself after %s (%s)", seconds(goodbye.at.Sub(s.began)), goodbye.data.Reason)
	case s.lived() > 0:
		x.broken("cut", cut, "let answers of /events live without a limit, and allow 75 s of silence",
			"something ends streams after %s, without a goodbye of the gateway", seconds(s.lived()))
	case heartbeat > 0 && silent > 2*heartbeat:
		x.broken("cut", cut, "allow 75 s of silence", "the stream is open, but silent since %s", seconds(silent))
	default:
		x.ok("cut", "the stream is still open after %s", seconds(time.Since(s.began)))
	}
	return true
}

// first is the first event: the hello.
func (s *stream) first() event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[0]
}
