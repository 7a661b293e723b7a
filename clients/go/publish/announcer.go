package publish

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/internal/breaker"
	"nudge/version"
	script "nudge/version/publish"
)

// announceLimit is how long an announcement may take. The request that made the change waits for it.
const announceLimit = time.Second

// Announcer publishes after a commit, when nothing may fail any more: it logs errors instead of returning them, takes a second at
// most, and is not stopped by the end of the request. After a failure it does not ask Redis again for a second. Many goroutines
// may use it.
type Announcer struct {
	publisher *Publisher
	log       *slog.Logger
	breaker   breaker.Breaker
}

// Announcer returns one that publishes by p and logs to log; nil: slog.Default().
func (p *Publisher) Announcer(log *slog.Logger) *Announcer {
	return &Announcer{publisher: p, log: cmp.Or(log, slog.Default())}
}

// Announce publishes that project is now at version v. It reports whether that was announced: not if Redis has the same or a
// newer version, or if it failed.
func (a *Announcer) Announce(ctx context.Context, project string, v int64) bool {
	id, err := version.ParseProject(project)
	if err != nil {
		a.warn(project, v, err, "correct the project")
		return false
	}
	return a.AnnounceNews(ctx, version.News{Project: id, Version: version.Version(v)}) == 1
}

// AnnounceNews publishes any number of advances at once, and returns how many were announced. A Prev, Writer or Data that breaks a
// rule is left out, since the version alone is news.
func (a *Announcer) AnnounceNews(ctx context.Context, news ...version.News) (announced int) {
	var checked []version.News
	for _, n := range news {
		good, broken := n.Check()
		if broken != nil {
			a.warn(n.Project.String(), int64(n.Version), broken, "correct the field")
		}
		if good, broken = good.Check(); broken == nil {
			checked = append(checked, good)
		}
	}
	if len(checked) == 0 {
		return 0
	}
	type outcome struct {
		announced int
		refused   []version.News
		err       error
	}
	result := make(chan outcome, 1)
	err := a.breaker.Do(context.WithoutCancel(ctx), announceLimit, func(ctx context.Context) error {
		receipt, refused, err := script.Pipeline(ctx, a.publisher.client, cmp.Or(a.publisher.opt.Prefix, "nudge"), checked)
		result <- outcome{receipt.Accepted, refused, err}
		if reply := redis.Error(nil); errors.As(err, &reply) { // Redis works, and refuses something
			return nil
		}
		return err
	})
	said := outcome{refused: checked, err: err} // unless it was asked, and has answered in time
	select {
	case said = <-result:
	default:
	}
	const most = 10 // lines for one call
	for i, n := range said.refused {
		if i == most {
			a.log.Warn("nudge: more was not announced", "projects", len(said.refused)-most, "fix", "see the lines before this one")
			break
		}
		a.failed(n.Project.String(), int64(n.Version), said.err)
	}
	return said.announced
}

// failed logs what Redis did not take.
func (a *Announcer) failed(project string, v int64, err error) {
	var reply redis.Error
	fix := "look whether Redis runs, and whether the client has its address"
	switch {
	case redis.HasErrorPrefix(err, "NOPERM"):
		fix = "give the user the rights of docs/publishing.md#rights-in-redis"
	case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"):
		fix = "correct the user and the password of the client"
	case errors.As(err, &reply):
		fix = "correct what Redis names"
	}
	a.warn(project, v, err, fix)
}

func (a *Announcer) warn(project string, v int64, err error, fix string) {
	a.log.Warn("nudge: not announced; pages find the change at their next poll", "project", project, "version", v, "error", err, "fix", fix)
}
