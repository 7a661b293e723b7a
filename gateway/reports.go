package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/gateway/shadow"
	"nudge/version"
)

// missed serves POST /missed: a page reports that its poll found a version which push had not announced, or another
// difference between push and the application.
func (g *Gateway) missed(w http.ResponseWriter, r *http.Request) *problem {
	who, p := g.poster(r)
	if p != nil {
		return p
	}
	report, p := posted(g, w, r, limits.Reports, who, parseReport)
	if p != nil {
		return p
	}
	if !who.MaySubscribe(report.Project) {
		return newProblem(http.StatusForbidden, codeForbidden, "the token does not cover this project")
	}
	note(w, "fault", string(g.pace.Missed(r.Context(), report)))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// shadowReport serves POST /shadow: a page in shadow says what its polls saw since its last report.
func (g *Gateway) shadowReport(w http.ResponseWriter, r *http.Request) *problem {
	who, p := g.poster(r)
	if p != nil {
		return p
	}
	report, p := posted(g, w, r, limits.Shadow, who, shadow.ParseReport)
	if p != nil {
		return p
	}
	for project := range report.Projects {
		if !who.MaySubscribe(project) {
			return newProblem(http.StatusForbidden, codeForbidden, "the token does not cover all of these projects")
		}
	}
	g.shadow.Add(report, time.Now())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// parseReport parses the body of POST /missed.
func parseReport(body []byte) (pace.MissedReport, error) {
	var b struct {
		Project version.Project `json:"project"`
		Version *json.Number    `json:"version"`
		Named   *json.Number    `json:"named"`
		Kind    string          `json:"kind"`
	}
	if !json.Valid(body) {
		return pace.MissedReport{}, errors.New(`the body is not JSON; send {"project":"42","version":125,"named":124}`)
	}
	if err := json.Unmarshal(body, &b); err != nil {
		return pace.MissedReport{}, err
	}
	if b.Project == (version.Project{}) {
		return pace.MissedReport{}, errors.New(`project: missing; send {"project":"42","version":125,"named":124}`)
	}
	if b.Version == nil {
		return pace.MissedReport{}, errors.New("version: missing; it is what the poll found")
	}
	found, err := version.ParseVersion(b.Version.String())
	if err != nil {
		return pace.MissedReport{}, fmt.Errorf("version: %w", err)
	}
	named := version.Version(-1)
	if b.Named != nil {
		if named, err = version.ParseVersion(b.Named.String()); err != nil {
			return pace.MissedReport{}, fmt.Errorf("named: %w", err)
		}
	}
	return pace.MissedReport{Project: b.Project, Version: found, Named: named, Kind: fallback.Fault(b.Kind)}, nil
}
