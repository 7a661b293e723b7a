package publish_test

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version/publish"
)

// Stories is the part of an application that changes stories.
type Stories struct {
	DB    *sql.DB
	Nudge *publish.Publisher
	Log   *slog.Logger
}

// Rename changes a story, and tells the pages of its project.
func (s *Stories) Rename(ctx context.Context, story int64, title string) error {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var project string
	var version int64
	row := tx.QueryRowContext(ctx, `UPDATE stories SET title = $1 WHERE id = $2 RETURNING project_id`, title, story)
	if err := row.Scan(&project); err != nil {
		return err
	}
	row = tx.QueryRowContext(ctx, `UPDATE projects SET version = version + 1 WHERE id = $1 RETURNING version`, project)
	if err := row.Scan(&version); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.announce(ctx, project, version)
	return nil
}

// announce never fails a request, since the change is committed, and outlives one that was given up.
func (s *Stories) announce(ctx context.Context, project string, version int64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.Nudge.Advance(ctx, project, version); err != nil {
		s.Log.Warn("nudge was not told; pages find the change at their next poll",
			"project", project, "version", version, "error", err)
	}
}

func Example() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:                 []string{"127.0.0.1:6379"}, // several: a Cluster. With MasterName: Sentinels
		ContextTimeoutEnabled: true,                       // go-redis looks at a context's deadline only then
	})
	defer client.Close()
	stories := &Stories{Nudge: publish.To(client, publish.Options{}), Log: slog.Default()}
	_ = stories.Rename // call it from your handlers
}
