package shadow

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"nudge/version"
)

const (
	// Period is how long a [RecentEvidence] adds up before it begins anew. It keeps one period that is over, so it shows the last one to two.
	Period = 24 * time.Hour
	// mostProjects is how many projects have sums of their own in one period. All others share one.
	mostProjects = 32
)

// RecentEvidence adds up the reports that one gateway takes. It is bounded, whatever is reported. It is safe for concurrent use; the zero
// value is empty.
type RecentEvidence struct {
	mu            sync.Mutex // guards all below
	before, since Evidence   // the period that is over, and the present one
	ends          time.Time  // of the present one
}

// Add adds a report.
func (b *RecentEvidence) Add(r Report, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turnLocked(now)
	b.since.add(r, now)
}

// Evidence returns the sums of the last one to two periods.
func (b *RecentEvidence) Evidence(now time.Time) Evidence {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turnLocked(now)
	return b.before.Merge(b.since)
}

func (b *RecentEvidence) turnLocked(now time.Time) {
	if now.Before(b.ends) {
		return
	}
	b.before, b.since = b.since, Evidence{}
	if now.Sub(b.ends) >= Period {
		b.before = Evidence{}
	}
	b.ends = now.Add(Period)
}

func (e *Evidence) add(r Report, now time.Time) {
	if e.Since.IsZero() {
		e.Since, e.Projects = now, map[version.Project]Sums{}
	}
	seen := r.sums()
	e.Sums = e.Sums.Add(seen)
	elsewhere := false
	for p, missed := range r.Projects {
		own := seen
		own.Missed = missed
		if !e.has(p, missed) {
			elsewhere = true
			continue
		}
		e.Projects[p] = e.Projects[p].Add(own)
	}
	if elsewhere {
		e.Other = e.Other.Add(seen)
	}
}

// has makes room for a project, if there is any. A project that misses news takes the room of the least one that does not.
func (e *Evidence) has(project version.Project, missed int64) bool {
	if _, ok := e.Projects[project]; ok || len(e.Projects) < mostProjects {
		return true
	}
	if missed == 0 {
		return false
	}
	var out version.Project
	for name, s := range e.Projects {
		if s.Missed == 0 && (out == (version.Project{}) || cmp.Or(cmp.Compare(s.Polls, e.Projects[out].Polls), strings.Compare(name.String(), out.String())) < 0) {
			out = name
		}
	}
	if out == (version.Project{}) {
		return false
	}
	e.Other = e.Other.Add(e.Projects[out])
	delete(e.Projects, out)
	return true
}
