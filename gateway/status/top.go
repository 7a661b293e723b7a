package status

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"nudge/version"
)

const (
	// counters is how many projects a Top counts at once.
	counters = 100
	// topPeriod is after how long counting begins anew. The answer is of the last one to two periods.
	topPeriod = 30 * time.Minute
)

// Top finds the projects that occur most, in fixed memory. Up to 100 projects it counts exactly. With more it is the
// space-saving algorithm: a new project takes the place and the count of the least one, so a count may be too high, never too
// low. It is safe for concurrent use.
type Top struct {
	mu          sync.Mutex // guards all below
	now, before period
}

type period struct {
	since time.Time // zero: there was none
	all   []counter
	index map[version.Project]int // in all
}

type counter struct {
	project version.Project
	n, over uint64 // over: of n, those that may be of other projects
}

// Counted is how often a project occurred.
type Counted struct {
	Project string `json:"project"`
	N       uint64 `json:"n"`
	Over    uint64 `json:"over,omitempty"` // by how much n may be too high
}

// Add counts a project once. It keeps the memory of p.
func (t *Top) Add(p version.Project, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	t.now.add(p)
}

// turn begins a new period if the present one is over.
func (t *Top) turn(now time.Time) {
	switch passed := now.Sub(t.now.since); {
	case t.now.since.IsZero() || passed >= 2*topPeriod:
		t.before, t.now = period{}, period{since: now}
	case passed >= topPeriod:
		t.before, t.now = t.now, period{since: now}
	}
}

func (p *period) add(project version.Project) {
	if i, known := p.index[project]; known {
		p.all[i].n++
		return
	}
	if p.index == nil {
		p.index = map[version.Project]int{}
	}
	if len(p.all) < counters {
		p.index[project] = len(p.all)
		p.all = append(p.all, counter{project: project, n: 1})
		return
	}
	least := 0
	for i := range p.all {
		if p.all[i].n < p.all[least].n {
			least = i
		}
	}
	c := &p.all[least]
	delete(p.index, c.project)
	p.index[project] = least
	*c = counter{project: project, n: c.n + 1, over: c.n}
}

// Most returns the projects that occurred most, and since when they were counted. It leaves out projects of which half of the
// count or more may be of others.
func (t *Top) Most(most int, now time.Time) (list []Counted, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(now)
	sums := map[version.Project]counter{}
	for _, p := range []*period{&t.before, &t.now} {
		for _, c := range p.all {
			sum := sums[c.project]
			sums[c.project] = counter{n: sum.n + c.n, over: sum.over + c.over}
		}
	}
	list = []Counted{} // not nil, which would be null in JSON
	for p, c := range sums {
		if 2*c.over < c.n {
			list = append(list, Counted{p.String(), c.n, c.over})
		}
	}
	slices.SortFunc(list, func(a, b Counted) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Project, b.Project)) })
	since = t.now.since
	if !t.before.since.IsZero() {
		since = t.before.since
	}
	return slices.Clip(list[:min(most, len(list))]), since
}
