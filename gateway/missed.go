package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// judgeTime bounds how long a report waits until its key has been read.
const judgeTime = 2 * time.Second

// missed serves POST /missed: a page tells that its poll found a version that push had not announced.
func (g *Gateway) missed(w http.ResponseWriter, r *http.Request) {
	body, p := g.body(w, r)
	if p != nil {
		g.refuse(w, p)
		return
	}
	report, err := parseReport(body)
	if err != nil {
		g.refuse(w, malformed(err))
		return
	}
	who, err := g.caller(r)
	if err != nil {
		g.refuse(w, unauthorized(err))
		return
	}
	if !who.MaySubscribe(report.project) {
		g.refuse(w, newProblem(http.StatusForbidden, codeForbidden, "the token does not cover this project"))
		return
	}
	if g.foreign(r) {
		g.refuse(w, foreignOrigin())
		return
	}
	now := time.Now()
	if !g.inquiry.admit(who.Subject, address(r), now) {
		g.refuse(w, limited(http.StatusTooManyRequests, "this user, or this address, reports more than can be true", quotaPeriod))
		return
	}
	fault := g.judge(r.Context(), report)
	if fault.Push() {
		g.indict(who.Name(address(r)), report.project)
	}
	g.inquiry.note(fault, report, now)
	note(w, "fault", string(fault))
	w.WriteHeader(http.StatusNoContent)
}

// report is the body of POST /missed.
type report struct {
	project version.Project
	version version.Version
	named   version.Version // below 0: nothing was
}

func parseReport(body []byte) (report, error) {
	var b struct {
		Project version.Project `json:"project"`
		Version *json.Number    `json:"version"`
		Named   *json.Number    `json:"named"`
	}
	if err := strict(body, &b); err != nil {
		return report{}, err
	}
	if b.Project == (version.Project{}) {
		return report{}, errors.New(`project: missing; send {"project":"42","version":125,"named":124}`)
	}
	if b.Version == nil {
		return report{}, errors.New("version: missing; it is what the poll found")
	}
	found, err := version.ParseVersion(b.Version.String())
	if err != nil {
		return report{}, fmt.Errorf("version: %w", err)
	}
	named := version.Version(-1)
	if b.Named != nil {
		if named, err = version.ParseVersion(b.Named.String()); err != nil {
			return report{}, fmt.Errorf("named: %w", err)
		}
	}
	return report{b.Project, found, named}, nil
}

// judge tells whose fault it was. If this gateway turns out to be deaf for the project, then everybody who watches it has
// the news by the time that judge returns.
func (g *Gateway) judge(ctx context.Context, r report) fallback.Fault {
	if r.version <= r.named { // a step back was found; only a reset may announce one
		return fallback.FaultUnjudged
	}
	if g.pulse.heard().Push == fallback.Down { // as everybody is told: nobody relies on it
		return fallback.FaultUnjudged
	}
	believed, stored := int64(-1), int64(-1)
	if s := g.board.State(r.project); s.Known { // before the read, which may mend it
		believed = int64(s.Version)
	}
	ctx, cancel := context.WithTimeout(ctx, judgeTime)
	defer cancel()
	key, err := g.source.Read(ctx, r.project)
	if err != nil {
		return fallback.FaultUnjudged
	}
	if key.Known {
		stored = int64(key.Version)
	}
	return fallback.Blame(int64(r.version), believed, stored)
}

// indict holds a fault against push. Reports come to any gateway, whichever the stream is on: so a gateway measures them by
// its part of the fleet's browsers, if that is more than its own.
func (g *Gateway) indict(voter string, p version.Project) {
	size := g.fleetSize()
	audits := fallback.Audits(max(size.Own, size.Streams/max(size.Instances, 1)), g.pulse.now().Poll)
	now := time.Now()
	if until := g.inquiry.audit.Fault(voter, p.String(), audits, now); now.Before(until) {
		g.pulse.health.Missed(until)
		g.pulse.signal()
	}
}
