package pace

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"nudge/fallback"
	"nudge/version"
)

const (
	// aheadFor is how long a project is listed after its last report. A page that sees it reports it every 5 minutes.
	aheadFor = 15 * time.Minute
	// mostAhead bounds the list. A further project replaces the one whose last report is the oldest.
	mostAhead = 100
)

// AheadProject is a project whose stored version is ahead of its application: somebody published a version that the
// application does not have. Its pages poll at the fast interval until this is fixed.
type AheadProject struct {
	Project     version.Project `json:"project"`
	Application version.Version `json:"application"` // what the application answered, as a page says
	Stored      version.Version `json:"stored"`
	Reports     int             `json:"reports"`
	Last        time.Time       `json:"last"` // report
	Fix         string          `json:"fix"`  // the command that fixes it, if the application is right

	logged time.Time
}

// aheadProjects lists such projects, mostAhead at most.
type aheadProjects struct {
	log   *slog.Logger
	lines *rate.Limiter // pages may report any project that their users may see

	mu   sync.Mutex     // guards list
	list []AheadProject // newest report first
}

func newAheadProjects(log *slog.Logger) *aheadProjects {
	return &aheadProjects{log: log, lines: rate.NewLimiter(rate.Every(6*time.Second), 10)}
}

// add takes a report that the application answered a version below the stored one. It logs each project once in aheadFor.
func (a *aheadProjects) add(p version.Project, application, stored version.Version, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entry := AheadProject{Project: p}
	if at := slices.IndexFunc(a.list, func(e AheadProject) bool { return e.Project == p }); at >= 0 {
		entry = a.list[at]
		a.list = slices.Delete(a.list, at, at+1)
	}
	entry.Application, entry.Stored, entry.Last, entry.Reports = application, stored, now, entry.Reports+1
	entry.Fix = "nudge publish " + version.Mark{Project: p, Version: application, Known: true}.String() + " --reset"
	if now.Sub(entry.logged) >= aheadFor && a.lines.AllowN(now, 1) {
		entry.logged = now
		a.log.Warn("a stored version is ahead of the application, so its pages poll fast; run the fix if the application is at its version",
			"project", p.String(), "application", int64(application), "stored", int64(stored), "fix", entry.Fix)
	}
	a.list = slices.Insert(a.list[:min(len(a.list), mostAhead-1)], 0, entry)
}

// Ahead returns the projects whose stored version is ahead of the application, newest report first.
func (p *Pacer) Ahead() []AheadProject {
	now := time.Now()
	a := p.missed.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(e AheadProject) bool {
		s := p.opt.Board.State(e.Project)
		fixed := s.Known && s.Version <= e.Application
		return fixed || now.Sub(e.Last) >= aheadFor
	})
	return slices.Clone(a.list)
}

// findAhead judges a report that the application's version is below the stored one. The key is read, since a page may lie,
// and its report may be old.
func (p *Pacer) findAhead(ctx context.Context, r MissedReport) fallback.Fault {
	believed := p.opt.Board.State(r.Project)
	stored, err := p.readKey(ctx, r.Project)
	if newest := max(believed.Version, stored.Version); err == nil && newest > r.Version {
		p.missed.ahead.add(r.Project, r.Version, newest, time.Now())
		return fallback.FaultAhead
	}
	return fallback.FaultUnjudged
}
