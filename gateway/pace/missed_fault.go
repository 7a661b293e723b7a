package pace

import (
	"context"
	"fmt"
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

// missedReports counts and logs reports, and collects the projects in which news did not arrive.
type missedReports struct {
	deaf   fallback.DeafProjects
	log    *slog.Logger
	lines  *rate.Limiter // any token may report, and could fill the disk
	data   *rate.Limiter // of lines about data
	ahead  *aheadProjects
	counts map[fallback.Fault]*atomic.Uint64
}

func newMissedReports(log *slog.Logger) *missedReports {
	minute := rate.Every(time.Minute)
	m := &missedReports{
		log: log, lines: rate.NewLimiter(minute, 1), data: rate.NewLimiter(minute, 1), ahead: newAheadProjects(log),
		counts: map[fallback.Fault]*atomic.Uint64{},
	}
	for _, f := range fallback.Faults() {
		m.counts[f] = new(atomic.Uint64)
	}
	return m
}

// Missed judges a report and counts it. Nobody's report counts against push by itself: a report only says where to look. If
// this gateway had missed the news, the read of the key repairs that: all streams of the project get the news. Then the
// project is suspect until confirmDeaf knows more.
func (p *Pacer) Missed(ctx context.Context, r MissedReport) fallback.Fault {
	now := time.Now()
	f := p.findFault(ctx, r)
	if f == fallback.FaultDeaf {
		p.opt.Board.Suspect(r.Project)
	}
	p.missed.counts[f].Add(1)
	// A report a minute is logged: it tells operators where to look. findAhead logs its own.
	mark := version.Mark{Project: r.Project, Version: r.Version, Known: true}.String()
	switch f {
	case fallback.FaultUnjudged, fallback.FaultAhead:
	case fallback.FaultData:
		if p.missed.data.AllowN(now, 1) {
			p.missed.log.Warn("a page applied pushed data, and the application's answer differs; further ones are not logged for a minute",
				"news", mark, "fix", "compare what the publisher sends as data with that answer")
		}
	default:
		if p.missed.lines.AllowN(now, 1) {
			p.missed.log.Warn("a poll found what push had not announced; further ones are not logged for a minute",
				"fault", string(f), "news", mark, "fix", fixOf(f, r.Project))
		}
	}
	return f
}

// fixOf is what operators can do about news that push had not announced.
func fixOf(f fallback.Fault, p version.Project) string {
	switch f {
	case fallback.FaultPublisher:
		return fmt.Sprintf("publish after each commit. If the application does: redis-cli --scan --pattern '*:{%s}' shows whether its Redis client puts another prefix before the key", p)
	case fallback.FaultDeaf:
		return "check what the gateway's user may do in Redis, and the network to Redis"
	}
	return "look for a proxy that holds streams back: docs/proxies.md"
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
	believed := p.opt.Board.State(r.Project) // before the read, which may correct it
	stored, err := p.readKey(ctx, r.Project)
	switch {
	case err != nil:
		return fallback.FaultUnjudged
	case believed.Known && believed.Version >= r.Version: // so it was published, whatever the key says
		return fallback.FaultDelivery
	case stored.Known && stored.Version >= r.Version:
		return fallback.FaultDeaf
	}
	return fallback.FaultPublisher
}

func (p *Pacer) readKey(ctx context.Context, project version.Project) (version.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, readMost)
	defer cancel()
	return p.opt.Read(ctx, project)
}

// confirmDeaf decides about suspects when an echo comes whose probe was sent at sent. A message that was published before
// that probe has arrived by now, if any message of its project does. If it has not, this gateway does not hear the project.
func (p *Pacer) confirmDeaf(sent time.Time) {
	for _, project := range p.opt.Board.Heard(sent) {
		p.missed.deaf.Add(project.String(), time.Now())
	}
}

// MissedCount returns how many reports were judged to be this fault.
func (p *Pacer) MissedCount(f fallback.Fault) uint64 { return p.missed.counts[f].Load() }

// MissedStatus is the result of all reports, in JSON.
type MissedStatus struct {
	Publisher uint64    `json:"publisher"`
	Deaf      uint64    `json:"deaf"`
	Delivery  uint64    `json:"delivery"`
	Data      uint64    `json:"data"`
	Ahead     uint64    `json:"ahead"`
	Unjudged  uint64    `json:"unjudged"`
	Projects  int       `json:"projects"`       // in which news did not arrive lately, as this gateway found
	Until     time.Time `json:"until,omitzero"` // until when push is degraded for it
}

// MissedStatus returns the result of all reports so far.
func (p *Pacer) MissedStatus() MissedStatus {
	now := time.Now()
	projects, until := p.missed.deaf.Count(now)
	s := MissedStatus{
		Publisher: p.MissedCount(fallback.FaultPublisher), Deaf: p.MissedCount(fallback.FaultDeaf),
		Delivery: p.MissedCount(fallback.FaultDelivery), Unjudged: p.MissedCount(fallback.FaultUnjudged),
		Data: p.MissedCount(fallback.FaultData), Ahead: p.MissedCount(fallback.FaultAhead),
		Projects: projects,
	}
	if now.Before(until) {
		s.Until = until
	}
	return s
}
