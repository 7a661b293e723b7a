package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"

	"nudge/version"
)

// missed serves POST /missed: a page tells that its poll found a version that push had not announced.
func (g *Gateway) missed(w http.ResponseWriter, r *http.Request) {
	body, p := g.body(w, r)
	if p != nil {
		g.refuse(w, p)
		return
	}
	var report struct {
		Project version.Project `json:"project"`
		Version *json.Number    `json:"version"`
		Named   *json.Number    `json:"named"`
	}
	err := strict(body, &report)
	if err == nil && report.Project == (version.Project{}) {
		err = fmt.Errorf(`project: missing; send {"project":"42","version":125,"named":124}`)
	}
	for name, number := range map[string]*json.Number{"version": report.Version, "named": report.Named} {
		if err == nil && number != nil {
			if _, bad := version.ParseVersion(number.String()); bad != nil {
				err = fmt.Errorf("%s: %w", name, bad)
			}
		}
	}
	if err == nil && report.Version == nil {
		err = fmt.Errorf("version: missing; it is what the poll found")
	}
	if err != nil {
		g.refuse(w, malformed(err))
		return
	}
	who, err := g.caller(r)
	if err != nil {
		g.refuse(w, unauthorized(err))
		return
	}
	if !who.maySubscribe(report.Project) {
		g.refuse(w, newProblem(http.StatusForbidden, codeForbidden, "the token does not cover this project"))
		return
	}
	if g.foreign(r) {
		g.refuse(w, foreignOrigin())
		return
	}
	g.metrics.missed.Inc()
	w.WriteHeader(http.StatusNoContent)
}
