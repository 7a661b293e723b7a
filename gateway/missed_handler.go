package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"nudge/fallback"
	"nudge/gateway/limits"
	"nudge/gateway/pace"
	"nudge/version"
)

// missed serves POST /missed: a page reports that its poll found a version which push had not announced, or another
// difference between push and the application.
func (g *Gateway) missed(w http.ResponseWriter, r *http.Request) *problem {
	who, p := g.poster(r)
	if p != nil {
		return p
	}
	if p := g.overQuota(r, limits.Reports, who); p != nil {
		return p
	}
	b, p := g.body(w, r)
	if p != nil {
		return p
	}
	text, err := io.ReadAll(b)
	if err != nil {
		return b.problem(err)
	}
	report, err := parseReport(text)
	if err != nil {
		return malformed(err)
	}
	if !who.MaySubscribe(report.Project) {
		return newProblem(http.StatusForbidden, codeForbidden, "the token does not cover this project")
	}
	note(w, "fault", string(g.pace.Missed(r.Context(), report)))
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
