package pace

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/version"
)

// readMost bounds how long a report waits until its key has been read.
const readMost = 2 * time.Second

// MissedReport is a page's report that its poll found a version which push had not announced.
type MissedReport struct {
	Project version.Project
	Version version.Version // that the poll found
	Named   version.Version // that push had announced; below 0: none
}

// missedReports is what came of the reports.
type missedReports struct {
	audit  *fallback.Audit
	log    *slog.Logger
	lines  *rate.Limiter // whoever has a token can report, and would fill the disk
	counts map[fallback.Fault]*atomic.Uint64
}

func newMissedReports(log *slog.Logger) *missedReports {
	m := &missedReports{audit: fallback.NewAudit(), log: log, lines: rate.NewLimiter(rate.Every(time.Minute), 1)}
	m.counts = map[fallback.Fault]*atomic.Uint64{}
	for _, f := range fallback.Faults() {
		m.counts[f] = new(atomic.Uint64)
	}
	return m
}

// Missed judges a report and counts it. Voter is who reports: one voter alone demotes nothing. If this gateway turns out
// to be deaf for the project, then everybody who watches it has the news when Missed returns.
func (p *Pacer) Missed(ctx context.Context, r MissedReport, voter string) fallback.Fault {
	now := time.Now()
	f := p.blame(ctx, r)
	if f.Push() {
		p.holdAgainstPush(voter, r.Project)
	}
	p.missed.counts[f].Add(1)
	// Now and then one report is logged: it tells whoever runs the application where to look.
	if f != fallback.FaultUnjudged && p.missed.lines.AllowN(now, 1) {
		p.missed.log.Warn("a poll found what push had not announced; further ones are not logged for a minute",
			"fault", string(f), "news", version.Mark{Project: r.Project, Version: r.Version, Known: true}.String())
	}
	return f
}

// blame tells whose fault it was.
func (p *Pacer) blame(ctx context.Context, r MissedReport) fallback.Fault {
	if r.Version <= r.Named { // a step back was found; only a reset may announce one
		return fallback.FaultUnjudged
	}
	if p.Verdict().Push == fallback.Down { // as everybody is told: nobody relies on it
		return fallback.FaultUnjudged
	}
	believed, stored := int64(-1), int64(-1)
	if s := p.opt.Board.State(r.Project); s.Known { // before the read, which may correct it
		believed = int64(s.Version)
	}
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	key, err := p.opt.Read(ctx, r.Project)
	if err != nil {
		return fallback.FaultUnjudged
	}
	if key.Known {
		stored = int64(key.Version)
	}
	return fallback.Blame(int64(r.Version), believed, stored)
}

// holdAgainstPush counts a vote against push. Reports come to any gateway, whichever the stream is on. So a gateway
// measures them by its part of the fleet's browsers, if that is more than its own.
func (p *Pacer) holdAgainstPush(voter string, project version.Project) {
	size := p.FleetSize()
	audits := fallback.Audits(max(size.Own, size.Streams/max(size.Instances, 1)), p.Now().Poll)
	now := time.Now()
	if until := p.missed.audit.Fault(voter, project.String(), audits, now); now.Before(until) {
		p.health.Missed(until)
		p.signal()
	}
}

// MissedCount is how many reports were judged so.
func (p *Pacer) MissedCount(f fallback.Fault) uint64 { return p.missed.counts[f].Load() }

// MissedStatus is what came of the reports, in JSON.
type MissedStatus struct {
	Publisher uint64 `json:"publisher"`
	Deaf      uint64 `json:"deaf"`
	Delivery  uint64 `json:"delivery"`
	Unjudged  uint64 `json:"unjudged"`
	// Who reported a fault of push lately, and of how many projects.
	Voters   int       `json:"voters"`
	Projects int       `json:"projects"`
	Until    time.Time `json:"until,omitzero"` // how long push is mistrusted for it
}

// MissedStatus is what came of the reports so far.
func (p *Pacer) MissedStatus() MissedStatus {
	now := time.Now()
	found := p.missed.audit.Findings(now)
	s := MissedStatus{
		Publisher: p.MissedCount(fallback.FaultPublisher), Deaf: p.MissedCount(fallback.FaultDeaf),
		Delivery: p.MissedCount(fallback.FaultDelivery), Unjudged: p.MissedCount(fallback.FaultUnjudged),
		Voters: found.Voters, Projects: found.Projects,
	}
	if now.Before(found.Until) {
		s.Until = found.Until
	}
	return s
}
