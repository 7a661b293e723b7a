package publish

import (
	"context"
	"log/slog"
	"time"

	"nudge/version"
	"nudge/version/publish/breaker"
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

// Announcer returns one that publishes by p and logs to log.
func (p *Publisher) Announcer(log *slog.Logger) *Announcer {
	return &Announcer{publisher: p, log: log}
}

// Announce publishes that project is now at version v. It reports whether that was announced: not if Redis has the same or a
// newer version, or if it failed.
func (a *Announcer) Announce(ctx context.Context, project string, v int64) bool {
	id, err := version.ParseProject(project)
	if err != nil {
		a.failed(project, v, err)
		return false
	}
	return a.AnnounceNews(ctx, version.News{Project: id, Version: version.Version(v)}) == 1
}

// AnnounceNews publishes any number of advances at once, and returns how many were announced.
func (a *Announcer) AnnounceNews(ctx context.Context, news ...version.News) (announced int) {
	if len(news) == 0 {
		return 0
	}
	result := make(chan version.Receipt, 1)
	err := a.breaker.Do(context.WithoutCancel(ctx), announceLimit, func(ctx context.Context) error {
		receipt, err := a.publisher.Publish(ctx, news...)
		result <- receipt
		return err
	})
	if err != nil {
		a.failed(news[0].Project.String(), int64(news[0].Version), err)
	}
	select {
	case receipt := <-result:
		return receipt.Accepted
	default: // it was not asked, or goes on
		return 0
	}
}

func (a *Announcer) failed(project string, v int64, err error) {
	a.log.Warn("nudge: not announced; pages find the change at their next poll", "project", project, "version", v, "error", err,
		"fix", "look whether Redis runs, and whether the client has its address")
}
