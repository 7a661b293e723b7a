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
