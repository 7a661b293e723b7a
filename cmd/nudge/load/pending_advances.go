package load

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// deliveries are the advances under way: published, and not yet received by all watchers of their project.
type deliveries struct {
	mu        sync.Mutex // guards all below
	watching  [][]bool   // by worker and project: whether it has streams that watch
	pending   map[int][]*delivery
	count     int
	whole     int64                   // advances that all watchers received and none skipped
	all       *hdrhistogram.Histogram // publish call to the last watcher's read, of these, µs
	completed chan struct{}           // holds a token when count has decreased
}

// delivery is one advance under way.
type delivery struct {
	version    int64
	left       uint64 // workers that have streams without it, a bit for each
	last       int64  // when the last of the other workers had it
	superseded bool   // a stream skipped it for a newer one
}

func newDeliveries() *deliveries {
	return &deliveries{pending: map[int][]*delivery{}, all: newHistogram(), completed: make(chan struct{}, 1)}
}

// watch says which projects have watchers, by worker and project.
func (f *deliveries) watch(watchers [][]int32) {
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

// add adds an advance that is about to be published, if its project has watchers.
func (f *deliveries) add(p int, version int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := &delivery{version: version}
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

// arrive notes that all watchers of a project in one worker have a version, and so all versions before it.
func (f *deliveries) arrive(worker int, there []arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range there {
		left := f.pending[t.Project][:0]
		for _, a := range f.pending[t.Project] {
			if a.version <= t.Version && a.left&(1<<worker) != 0 {
				a.left &^= 1 << worker
				a.last = max(a.last, t.At)
				a.superseded = a.superseded || a.version != t.Version
			}
			if a.left != 0 {
				left = append(left, a)
				continue
			}
			if !a.superseded {
				f.whole++
				record(f.all, a.last-a.version)
			}
			f.gone()
		}
		f.set(t.Project, left)
	}
}

// watched tells whether any stream watches a project.
func (f *deliveries) watched(p int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.watching, func(projects []bool) bool { return projects[p] })
}

// forget drops the advances from version from on, below another version: they will not arrive.
func (f *deliveries) forget(from, below int64) (dropped int) {
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

func (f *deliveries) set(p int, left []*delivery) {
	if len(left) == 0 {
		delete(f.pending, p)
		return
	}
	f.pending[p] = left
}

func (f *deliveries) gone() {
	f.count--
	select {
	case f.completed <- struct{}{}:
	default:
	}
}

// waitBelow waits until fewer than n advances are under way, but at most the time most. It returns false if the time is over.
func (f *deliveries) waitBelow(ctx context.Context, n int, most time.Duration) bool {
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
		case <-f.completed:
		}
	}
}

// seen is what a stream has seen of one project over one connection.
type seen struct {
	after int64 // the version of its first hello; 0: none
	upto  int64 // the newest that it knows
	got   int64 // versions that came after the first hello
}

// skipped returns how many versions of the log, which is in order, did not come. Several may be published while a stream is
// being written to, and then only the newest comes.
func (s seen) skipped(log []int64) int64 {
	first := sort.Search(len(log), func(i int) bool { return log[i] > s.after })
	last := sort.Search(len(log), func(i int) bool { return log[i] > s.upto })
	return max(0, int64(last-first)-s.got) // below 0: a version came although its publish call failed
}

// behind tells whether the newest version of the log has not been seen.
func (s seen) behind(log []int64) bool {
	return len(log) > 0 && s.upto < log[len(log)-1]
}

// watchers are the streams of one worker that watch a project, and how many of them have its newest version.
type watchers struct {
	newest   int64
	watchers int32
	there    int32
	reported bool // it was reported that all have it
}

// join adds a watcher that has v.
func (c *watchers) join(v int64) {
	c.watchers++
	c.arrive(v)
}

// leave removes a watcher that had v.
func (c *watchers) leave(v int64) {
	c.watchers--
	if v == c.newest {
		c.there--
	}
}

// arrive counts a watcher that had an older version and now has v.
func (c *watchers) arrive(v int64) {
	if v > c.newest {
		c.newest, c.there, c.reported = v, 0, false
	}
	if v == c.newest {
		c.there++
	}
}

// allThere tells whether all have the newest version. It returns true once for each version.
func (c *watchers) allThere() bool {
	if c.reported || c.watchers == 0 || c.there < c.watchers {
		return false
	}
	c.reported = true
	return true
}
