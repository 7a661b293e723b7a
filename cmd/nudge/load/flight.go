package load

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// flight is the advances that are on their way: published, and not yet with all who watch their project.
type flight struct {
	mu       sync.Mutex // guards all below
	watching [][]bool   // by worker and project: whether it has streams that watch
	pending  map[int][]*passage
	count    int
	whole    int64                   // advances that all had, each by itself
	all      *hdrhistogram.Histogram // publish call to the last watcher's read, of these, µs
	landed   chan struct{}           // holds a token when count has become less
}

// passage is one advance on its way.
type passage struct {
	version   int64
	left      uint64 // workers that have streams without it, a bit for each
	last      int64  // when the last of the others had it
	overtaken bool   // somewhere a newer one came in its place
}

func newFlight() *flight {
	return &flight{pending: map[int][]*passage{}, all: newHistogram(), landed: make(chan struct{}, 1)}
}

// watch says which projects have watchers, by worker and project.
func (f *flight) watch(watchers [][]int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watching = make([][]bool, len(watchers))
	for w, counts := range watchers {
		f.watching[w] = make([]bool, len(counts))
		for p, n := range counts {
			f.watching[w][p] = n > 0
		}
	}
}

// depart adds an advance that is about to be published. What nobody watches does not fly.
func (f *flight) depart(p int, version int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := &passage{version: version}
	for w := range f.watching {
		if f.watching[w][p] {
			a.left |= 1 << w
		}
	}
	if a.left == 0 {
		return
	}
	f.pending[p] = append(f.pending[p], a)
	f.count++
}

// arrive is told that all watchers of a project in one worker stand on a version, and so on those before it.
func (f *flight) arrive(worker int, there []arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range there {
		left := f.pending[t.Project][:0]
		for _, a := range f.pending[t.Project] {
			if a.version <= t.Version && a.left&(1<<worker) != 0 {
				a.left &^= 1 << worker
				a.last = max(a.last, t.At)
				a.overtaken = a.overtaken || a.version != t.Version
			}
			if a.left != 0 {
				left = append(left, a)
				continue
			}
			if !a.overtaken {
				f.whole++
				record(f.all, a.last-a.version)
			}
			f.gone()
		}
		f.set(t.Project, left)
	}
}

// watched tells whether any stream watches a project.
func (f *flight) watched(p int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.watching, func(projects []bool) bool { return projects[p] })
}

// forget drops the advances from one version on, and below another: they are not coming.
func (f *flight) forget(from, below int64) (dropped int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p, list := range f.pending {
		left := list[:0]
		for _, a := range list {
			if a.version < from || a.version >= below {
				left = append(left, a)
				continue
			}
			dropped++
			f.gone()
		}
		f.set(p, left)
	}
	return dropped
}

func (f *flight) set(p int, left []*passage) {
	if len(left) == 0 {
		delete(f.pending, p)
		return
	}
	f.pending[p] = left
}

func (f *flight) gone() {
	f.count--
	select {
	case f.landed <- struct{}{}:
	default:
	}
}

// under waits until less than n are on their way, for so long at most.
func (f *flight) under(ctx context.Context, n int, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		f.mu.Lock()
		count := f.count
		f.mu.Unlock()
		if count < n {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		case <-f.landed:
		}
	}
}
