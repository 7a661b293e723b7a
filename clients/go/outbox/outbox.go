// Package outbox is for applications that cannot lose a hint: they write the new version into a table, in the transaction of the
// change, and a [Relay] publishes what is there. A version may be published twice, which does no harm.
package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"nudge/clients/go/publish"
	"nudge/version"
)

const (
	// batch is how many rows are published together.
	batch = 100
	// idle is the pause between two looks at an empty table, and after the first failure.
	idle = time.Second
	// longest is the longest pause after failures.
	longest = 30 * time.Second
)

// Dialect is what a database understands.
type Dialect string

// Dialects. Others with the same SQL work too.
const (
	PostgreSQL Dialect = "postgresql"
	MySQL      Dialect = "mysql" // 8.0 or later
	SQLite     Dialect = "sqlite"
)

// Table is the SQL that makes the table, for a migration.
func (d Dialect) Table() string {
	id := map[Dialect]string{
		PostgreSQL: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", MySQL: "bigint AUTO_INCREMENT PRIMARY KEY", SQLite: "integer PRIMARY KEY AUTOINCREMENT",
	}[d]
	return "CREATE TABLE nudge_outbox (id " + id + ", project varchar(128) NOT NULL, version bigint NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)"
}

// places are those of n values in SQL.
func (d Dialect) places(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = "?"
		if d == PostgreSQL {
			all[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	return strings.Join(all, ", ")
}

// Add writes news into the table, in the transaction that makes the change. An error names what is wrong, or is the database's.
func (d Dialect) Add(ctx context.Context, tx *sql.Tx, project string, v int64) error {
	id, err := version.ParseProject(project)
	if err != nil {
		return fmt.Errorf("outbox: project: %w", err)
	}
	if _, err := (version.News{Project: id, Version: version.Version(v)}).Check(); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO nudge_outbox (project, version) VALUES ("+d.places(2)+")", project, v)
	return err
}

// Relay publishes the rows of the table, and deletes them. Any number of relays may run.
type Relay struct {
	DB        *sql.DB
	Dialect   Dialect
	Publisher *publish.Publisher
	Log       *slog.Logger // nil: slog.Default()
}

func (r *Relay) log() *slog.Logger { return cmp.Or(r.Log, slog.Default()) }

// Once publishes up to 100 rows, each project at its highest version, and returns how many rows. If Redis or the database fails, the
// rows stay.
func (r *Relay) Once(ctx context.Context) (int, error) {
	tx, err := r.DB.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // of what was committed: nothing
	ids, news, err := r.read(ctx, tx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if len(news) > 0 {
		if _, err := r.Publisher.Publish(ctx, news...); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM nudge_outbox WHERE id IN ("+r.Dialect.places(len(ids))+")", ids...); err != nil {
		return 0, err
	}
	return len(ids), tx.Commit()
}

// read returns the oldest rows: their ids, and the highest version of each project.
func (r *Relay) read(ctx context.Context, tx *sql.Tx) (ids []any, news []version.News, err error) {
	query := fmt.Sprintf("SELECT id, project, version FROM nudge_outbox ORDER BY id LIMIT %d", batch)
	if r.Dialect != SQLite {
		query += " FOR UPDATE SKIP LOCKED" // relays do not wait for each other
	}
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	at := map[version.Project]int{}
	for rows.Next() {
		var id, v int64
		var project string
		if err := rows.Scan(&id, &project, &v); err != nil {
			return nil, nil, err
		}
		ids = append(ids, id)
		p, err := version.ParseProject(project)
		n := version.News{Project: p, Version: version.Version(v)}
		if err == nil {
			_, err = n.Check()
		}
		if err != nil { // a row that can never be published must not hold up the others
			r.log().Warn("nudge: a row of nudge_outbox is dropped", "id", id, "error", err, "fix", "correct what writes such rows")
			continue
		}
		i, known := at[p]
		switch {
		case !known:
			at[p] = len(news)
			news = append(news, n)
		case n.Version > news[i].Version:
			news[i] = n
		}
	}
	return ids, news, rows.Err()
}

// Run publishes until the context ends. It logs the first failure of several in a row, and tries again after growing pauses.
func (r *Relay) Run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		pause := idle
		switch n, err := r.Once(ctx); {
		case err != nil:
			if failures == 0 && ctx.Err() == nil {
				r.log().Warn("nudge: the relay failed and tries again", "error", err, "fix", "see that the database and Redis run; no row is lost meanwhile")
			}
			pause = min(idle<<min(failures, 10), longest)
			failures++
		case n == batch:
			pause, failures = 0, 0
		default:
			failures = 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
