package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/stream"
	"nudge/version"
)

// ask is a request for projects, as far as it is allowed.
type ask struct {
	who   *auth.Caller
	marks []version.Mark // each project once, in the order asked
	// projects are the same, with the caller's access to each
	projects []stream.Subscription
	judged   *current // by which it was decided
}

// parseMarks reads the project parameters of a request: each project once, with the larger version.
func parseMarks(query string, most int) ([]version.Mark, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("the query is not URL-encoded: %v", err)
	}
	var marks []version.Mark
	at := map[version.Project]int{}
	for _, text := range values["project"] {
		m, err := version.ParseMark(text)
		if err != nil {
			return nil, err
		}
		i, seen := at[m.Project]
		if !seen {
			at[m.Project] = len(marks)
			marks = append(marks, m)
			continue
		}
		if m.Known && (!marks[i].Known || m.Version > marks[i].Version) {
			marks[i] = m
		}
	}
	if len(marks) > most {
		return nil, fmt.Errorf("%d projects; %d is the most for one request, so ask for the others by another (pages: nudge/wide)", len(marks), most)
	}
	return marks, nil
}

var errNoProject = errors.New("no project; name one at least, such as ?project=42")

// ask reads and judges a request for projects, in the order of docs/protocol.md: form, token, rights.
func (g *Gateway) ask(r *http.Request) (*ask, *problem) {
	marks, err := parseMarks(r.URL.RawQuery, g.current.Load().Limits.ProjectsPerStream)
	if err == nil && len(marks) == 0 {
		err = errNoProject
	}
	if err != nil {
		return nil, malformed(err)
	}
	who, err := g.caller(r)
	if err != nil {
		return nil, unauthorized(err)
	}
	a := g.decideAccess(who, marks)
	if a.count(stream.Denied) == len(a.projects) {
		return nil, newProblem(http.StatusForbidden, codeForbidden,
			"the token covers none of these projects; its subscribe claim says which it covers")
	}
	if who.FromCookie && g.foreign(r) {
		return nil, foreignOrigin()
	}
	return a, nil
}

// decideAccess decides the access of who to each project.
func (g *Gateway) decideAccess(who *auth.Caller, marks []version.Mark) *ask {
	a := &ask{who: who, marks: marks, projects: make([]stream.Subscription, len(marks)), judged: g.current.Load()}
	bucket := fallback.BucketOf(who.Subject)
	for i, m := range marks {
		a.projects[i].Project = m.Project
		switch {
		case !who.MaySubscribe(m.Project):
			a.projects[i].Access = stream.Denied
		case !a.judged.Flag.Allows(bucket, m.Project.String()):
			a.projects[i].Access = stream.Excluded
		}
	}
	return a
}

func (a *ask) count(s stream.Access) int { return len(a.with(s)) }

// with are the projects with this access.
func (a *ask) with(s stream.Access) (projects []version.Project) {
	for _, p := range a.projects {
		if p.Access == s {
			projects = append(projects, p.Project)
		}
	}
	return projects
}

// named are the ids of the projects with this access.
func (a *ask) named(s stream.Access) []string {
	ids := []string{}
	for _, p := range a.with(s) {
		ids = append(ids, p.String())
	}
	return ids
}
