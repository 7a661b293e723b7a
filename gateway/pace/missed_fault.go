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

// readMost bounds how long a report waits for the read of its key.
const readMost = 2 * time.Second

// MissedReport is a page's report that its poll found a version which push had not announced, or another difference
// between push and the application.
type MissedReport struct {
	Project version.Project
	Version version.Version // found by the poll
	Named   version.Version // last announced by push; below 0: none
	// Kind is "" for missed news, [fallback.FaultData] or [fallback.FaultAhead]. Others are not judged: later versions of
	// the shim may have them.
	Kind fallback.Fault
}

// missedReports counts and logs reports, and collects the votes against push.
type missedReports struct {
	audit  *fallback.Audit
	log    *slog.Logger
	lines  *rate.Limiter // any token may report, and could fill the disk
	data   *rate.Limiter // of lines about data
	ahead  *aheadProjects
	counts map[fallback.Fault]*atomic.Uint64
}

func newMissedReports(log *slog.Logger) *missedReports {
	minute := rate.Every(time.Minute)
	m := &missedReports{
		audit: fallback.NewAudit(), log: log, lines: rate.NewLimiter(minute, 1), data: rate.NewLimiter(minute, 1),
		ahead: newAheadProjects(log),
	}
	m.counts = map[fallback.Fault]*atomic.Uint64{}
	for _, f := range fallback.Faults() {
		m.counts[f] = new(atomic.Uint64)
	}
	return m
}

// Missed judges a report and counts it. voter names the caller: one voter alone cannot make push degraded. If this gateway
// had missed the news, the read of the key repairs that: all streams of the project get the news.
func (p *Pacer) Missed(ctx context.Context, r MissedReport, voter string) fallback.Fault {
	now := time.Now()
	f := p.findFault(ctx, r)
	if f.Push() {
		p.voteAgainstPush(voter, r.Project)
	}
	p.missed.counts[f].Add(1)
	// A report a minute is logged: it tells operators where to look. findAhead logs its own.
	mark := version.Mark{Project: r.Project, Version: r.Version, Known: true}.String()
	switch f {
	case fallback.FaultUnjudged, fallback.FaultAhead:
	case fallback.FaultData:
		if p.missed.data.AllowN(now, 1) {
			p.missed.log.Warn("a page applied pushed data, and the application's answer differs; compare what the publisher sends as data with that answer. Further ones are not logged for a minute",
				"news", mark)
		}
	default:
		if p.missed.lines.AllowN(now, 1) {
			p.missed.log.Warn("a poll found what push had not announced; further ones are not logged for a minute",
				"fault", string(f), "news", mark)
		}
	}
	return f
}

// findFault returns whose fault a report is. It reads the key from the source.
func (p *Pacer) findFault(ctx context.Context, r MissedReport) fallback.Fault {
	switch r.Kind {
	case "":
	case fallback.FaultData: // no vote: polling faster would not correct the publisher
		return fallback.FaultData
	case fallback.FaultAhead:
		return p.findAhead(ctx, r)
	default:
		return fallback.FaultUnjudged
	}
	if r.Version <= r.Named { // the poll found an older version, which only a reset announces
		return fallback.FaultUnjudged
	}
	if p.Verdict().Push == fallback.Down { // browsers know that, and do not rely on push
		return fallback.FaultUnjudged
	}
	believed, stored, err := p.readVersions(ctx, r.Project)
	if err != nil {
		return fallback.FaultUnjudged
	}
	return fallback.Blame(int64(r.Version), believed, stored)
}

// readVersions returns the version that this gateway believed before the read, which may correct it, and the stored one;
// below 0: none.
func (p *Pacer) readVersions(ctx context.Context, project version.Project) (believed, stored int64, err error) {
	believed, stored = -1, -1
	if s := p.opt.Board.State(project); s.Known {
		believed = int64(s.Version)
	}
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	key, err := p.opt.Read(ctx, project)
	if key.Known {
		stored = int64(key.Version)
	}
	return believed, stored, err
}

// voteAgainstPush counts a vote against push.
func (p *Pacer) voteAgainstPush(voter string, project version.Project) {
	audits := p.FleetSize().Audits(p.Now().Poll)
	now := time.Now()
	if until := p.missed.audit.Vote(voter, project.String(), audits, now); now.Before(until) {
		p.health.Missed(until)
		p.wake.Set()
	}
}

// MissedCount returns how many reports were judged to be this fault.
func (p *Pacer) MissedCount(f fallback.Fault) uint64 { return p.missed.counts[f].Load() }

// MissedStatus is the result of all reports, in JSON.
type MissedStatus struct {
	Publisher uint64 `json:"publisher"`
	Deaf      uint64 `json:"deaf"`
	Delivery  uint64 `json:"delivery"`
	Data      uint64 `json:"data"`
	Ahead     uint64 `json:"ahead"`
	Unjudged  uint64 `json:"unjudged"`
	// Who reported a fault of push lately, and for how many projects.
	Voters   int       `json:"voters"`
	Projects int       `json:"projects"`
	Until    time.Time `json:"until,omitzero"` // until when push is degraded for it
}

// MissedStatus returns the result of all reports so far.
func (p *Pacer) MissedStatus() MissedStatus {
	now := time.Now()
	found := p.missed.audit.Findings(now)
	s := MissedStatus{
		Publisher: p.MissedCount(fallback.FaultPublisher), Deaf: p.MissedCount(fallback.FaultDeaf),
		Delivery: p.MissedCount(fallback.FaultDelivery), Unjudged: p.MissedCount(fallback.FaultUnjudged),
		Data: p.MissedCount(fallback.FaultData), Ahead: p.MissedCount(fallback.FaultAhead),
		Voters: found.Voters, Projects: found.Projects,
	}
	if now.Before(found.Until) {
		s.Until = found.Until
	}
	return s
}
