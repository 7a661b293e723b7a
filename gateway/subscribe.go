package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/stream"
	"nudge/version"
)

// subscribeRequest is a request for projects, and which of them its caller may see.
type subscribeRequest struct {
	caller   *auth.Caller
	marks    []version.Mark        // each project once, in the order of the request
	projects []stream.Subscription // the same projects, with the caller's access to each
	judged   *current              // the settings by which token and access were decided
}

// parseMarks parses the project parameters of a query: each project once, with the larger version. It keeps nothing of other
// parameters, and stops at the first project too many: strangers can send 32 KiB of either.
func parseMarks(query string, most int) ([]version.Mark, error) {
	var marks []version.Mark
	for pair := range strings.SplitSeq(query, "&") {
		name, text, err := unescape(pair)
		if err != nil {
			return nil, fmt.Errorf("the query is not URL-encoded: %v", err)
		}
		if name != "project" {
			continue
		}
		m, err := version.ParseMark(text)
		if err != nil {
			return nil, err
		}
		switch i := slices.IndexFunc(marks, func(o version.Mark) bool { return o.Project == m.Project }); {
		case i < 0 && len(marks) == most:
			return nil, fmt.Errorf("more than %d projects, which is the most of one request; name the others in a second one (pages: nudge/multi)", most)
		case i < 0:
			marks = append(marks, m)
		case m.Known && (!marks[i].Known || m.Version > marks[i].Version):
			marks[i] = m
		}
	}
	return marks, nil
}

// unescape reads one parameter of a query, as [url.ParseQuery] does.
func unescape(pair string) (name, value string, err error) {
	if strings.Contains(pair, ";") {
		return "", "", errors.New("a semicolon separates nothing; write & or %3B")
	}
	name, value, _ = strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(name); err != nil {
		return "", "", err
	}
	value, err = url.QueryUnescape(value)
	return name, value, err
}

var errNoProject = errors.New("no project; name one at least, such as ?project=42")

// subscribeRequest parses r and decides about it, in the order of docs/protocol.md: token, origin, form, rights.
func (g *Gateway) subscribeRequest(r *http.Request) (*subscribeRequest, *problem) {
	c := g.current.Load() // once: later changes are applied when the stream opens
	caller, err := c.verifier.Caller(r, c.revoked)
	switch {
	case err == auth.ErrMissing:
		g.lost.Missing(r, g.address(r).String())
	case err == nil && caller.FromCookie:
		g.lost.Came(r, g.address(r).String())
	}
	if err != nil {
		return nil, unauthorized(err)
	}
	if caller.FromCookie && g.foreign(r) {
		return nil, g.foreignOrigin(r)
	}
	marks, err := parseMarks(r.URL.RawQuery, c.Limits.ProjectsPerStream)
	if err == nil && len(marks) == 0 {
		err = errNoProject
	}
	if err != nil {
		return nil, malformed(err)
	}
	req := c.decideAccess(caller, marks)
	if req.count(stream.Denied) == len(req.projects) {
		return nil, newProblem(http.StatusForbidden, codeForbidden,
			"the token covers none of these projects; its subscribe claim says which it covers")
	}
	return req, nil
}

// decideAccess decides which of these projects a caller may see.
func (c *current) decideAccess(caller *auth.Caller, marks []version.Mark) *subscribeRequest {
	req := &subscribeRequest{caller: caller, marks: marks, projects: make([]stream.Subscription, len(marks)), judged: c}
	bucket := fallback.BucketOf(caller.Subject)
	for i, m := range marks {
		req.projects[i].Project = m.Project
		switch {
		case !caller.MaySubscribe(m.Project):
			req.projects[i].Access = stream.Denied
		case !c.Flag.Allows(bucket, m.Project.String()):
			req.projects[i].Access = stream.Excluded
		}
	}
	return req
}

// count returns how many projects have this access.
func (r *subscribeRequest) count(a stream.Access) int { return len(r.projectsWith(a)) }

// projectsWith returns the projects with this access.
func (r *subscribeRequest) projectsWith(a stream.Access) (projects []version.Project) {
	for _, p := range r.projects {
		if p.Access == a {
			projects = append(projects, p.Project)
		}
	}
	return projects
}

// ids returns the ids of the projects with this access; never nil, which JSON would write as null.
func (r *subscribeRequest) ids(a stream.Access) []string {
	ids := []string{}
	for _, p := range r.projectsWith(a) {
		ids = append(ids, p.String())
	}
	return ids
}
