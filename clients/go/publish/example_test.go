package publish_test

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
)

// Stories is the part of an application that changes stories.
type Stories struct {
	DB    *sql.DB
	Nudge *publish.Announcer
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
	s.Nudge.Announce(ctx, project, version) // never fails the request: the change is committed
	return nil
}

func Example() {
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:                 []string{"127.0.0.1:6379"}, // several: a Cluster. With MasterName: Sentinels
		ContextTimeoutEnabled: true,                       // go-redis looks at a context's deadline only then
	})
	defer client.Close()
	stories := &Stories{Nudge: publish.To(client, publish.Options{}).Announcer(slog.Default())}
	_ = stories.Rename // call it from your handlers
}
