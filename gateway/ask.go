package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/version"
)

// ask is a request for projects, as far as it is allowed.
type ask struct {
	who   *auth.Caller
	marks []version.Mark // each project once, in the order asked
	slots []slot         // the same projects, with their standing
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
	a := &ask{who: who, marks: marks, slots: g.standings(who, marks)}
	if a.count(denied) == len(a.slots) {
		return nil, newProblem(http.StatusForbidden, codeForbidden,
			"the token covers none of these projects; its subscribe claim says which it covers")
	}
	if who.FromCookie && g.foreign(r) {
		return nil, foreignOrigin()
	}
	return a, nil
}

// standings judges each project for who.
func (g *Gateway) standings(who *auth.Caller, marks []version.Mark) []slot {
	flag, bucket := g.current.Load().Flag, fallback.BucketOf(who.Subject)
	slots := make([]slot, len(marks))
	for i, m := range marks {
		slots[i].project = m.Project
		switch {
		case !who.MaySubscribe(m.Project):
			slots[i].standing = denied
		case !flag.Allows(bucket, m.Project.String()):
			slots[i].standing = off
		}
	}
	return slots
}

func (a *ask) count(s standing) (n int) {
	for _, slot := range a.slots {
		if slot.standing == s {
			n++
		}
	}
	return n
}

// named are the ids of the projects with one standing.
func (a *ask) named(s standing) []string {
	ids := []string{}
	for _, slot := range a.slots {
		if slot.standing == s {
			ids = append(ids, slot.project.String())
		}
	}
	return ids
}
