// Package publishtest stands for a publisher and its announcer in the tests of an application in Go: it
// keeps what was published, and needs no Redis.
package publishtest

import (
	"context"
	"fmt"
	"sync"

	"nudge/version"
)

// Recorder has the methods of publish.Publisher and publish.Announcer. The application declares an interface of those that it uses. The zero value is
// ready, and may be used by many goroutines at once.
type Recorder struct {
	mu     sync.Mutex
	news   []version.News
	stored map[version.Project]version.Version
	err    error
}

// Published returns what was announced so far, as 42@124.
func (r *Recorder) Published() (all []string) {
	for _, n := range r.News() {
		all = append(all, fmt.Sprintf("%s@%d", n.Project, n.Version))
	}
	return all
}

// News returns what was announced so far, with all that was said.
func (r *Recorder) News() []version.News {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]version.News(nil), r.news...)
}

// Fail makes all later calls fail as without Redis, and nil lets them succeed again.
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// Announce is that of the real one.
func (r *Recorder) Announce(ctx context.Context, project string, v int64) bool {
	id, err := version.ParseProject(project)
	return err == nil && r.AnnounceNews(ctx, version.News{Project: id, Version: version.Version(v)}) == 1
}

// AnnounceNews is that of the real one.
func (r *Recorder) AnnounceNews(ctx context.Context, news ...version.News) (announced int) {
	for _, n := range news {
		n, _ = n.Check() // without extras that break a rule
		receipt, err := r.Publish(ctx, n)
		if err == nil {
			announced += receipt.Accepted
		}
	}
	return announced
}

// Advance is that of the real one.
func (r *Recorder) Advance(ctx context.Context, project string, v int64) error {
	id, err := version.ParseProject(project)
	if err != nil {
		return fmt.Errorf("publish: project: %w", err)
	}
	_, err = r.Publish(ctx, version.News{Project: id, Version: version.Version(v)})
	return err
}

// Publish is that of the real one.
func (r *Recorder) Publish(_ context.Context, news ...version.News) (receipt version.Receipt, err error) {
	for i, n := range news {
		if _, err := n.Check(); err != nil {
			return receipt, fmt.Errorf("publish: news %d: %w", i, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return receipt, fmt.Errorf("publish to Redis: %w: %w", version.ErrUnavailable, r.err)
	}
	for _, n := range news {
		if held, known := r.stored[n.Project]; known && !n.Reset && n.Version <= held {
			receipt.Stale++
			continue
		}
		if r.stored == nil {
			r.stored = map[version.Project]version.Version{}
		}
		r.stored[n.Project] = n.Version
		r.news = append(r.news, n)
		receipt.Accepted++
	}
	return receipt, nil
}
