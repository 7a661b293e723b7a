//go:build unix

package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/outbox"
	"nudge/clients/go/publish"
	"nudge/version/redistest"
)

// table is a database with one table. It knows the statements of the package, keeps what a transaction did until it is committed,
// and fails a test by an error that names what it does not know.
type table struct {
	rows    [][]driver.Value
	next    int64
	seen    []string
	added   [][]driver.Value
	deleted []driver.Value
}

func (d *table) Connect(context.Context) (driver.Conn, error) { return d, nil }
func (d *table) Driver() driver.Driver                        { return nil }
func (d *table) Close() error                                 { return nil }
func (d *table) Begin() (driver.Tx, error)                    { d.added, d.deleted = nil, nil; return d, nil }

func (d *table) Rollback() error { d.added, d.deleted = nil, nil; return nil }

func (d *table) Commit() error {
	d.rows = slices.DeleteFunc(append(d.rows, d.added...), func(row []driver.Value) bool { return slices.Contains(d.deleted, row[0]) })
	return d.Rollback()
}

func (d *table) Prepare(text string) (driver.Stmt, error) { return &statement{d, text}, nil }

type statement struct {
	*table
	text string
}

func (s *statement) NumInput() int { return -1 }

func (s *statement) Exec(values []driver.Value) (driver.Result, error) {
	s.seen = append(s.seen, s.text)
	switch {
	case strings.HasPrefix(s.text, "INSERT INTO nudge_outbox (project, version) VALUES ("):
		s.next++
		s.added = append(s.added, append([]driver.Value{s.next}, values...))
	case strings.HasPrefix(s.text, "DELETE FROM nudge_outbox WHERE id IN ("):
		s.deleted = values
	default:
		return nil, fmt.Errorf("unknown: %s", s.text)
	}
	return driver.RowsAffected(len(values)), nil
}

func (s *statement) Query([]driver.Value) (driver.Rows, error) {
	s.seen = append(s.seen, s.text)
	if !strings.HasPrefix(s.text, "SELECT id, project, version FROM nudge_outbox ORDER BY id LIMIT 100") {
		return nil, fmt.Errorf("unknown: %s", s.text)
	}
	return &result{slices.Clone(s.rows[:min(100, len(s.rows))])}, nil
}

type result struct{ rows [][]driver.Value }

func (r *result) Columns() []string { return []string{"id", "project", "version"} }
func (r *result) Close() error      { return nil }

func (r *result) Next(to []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(to, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

func TestRelay(t *testing.T) {
	t.Parallel()
	for dialect, texts := range map[outbox.Dialect][]string{
		outbox.PostgreSQL: {"VALUES ($1, $2)", "LIMIT 100 FOR UPDATE SKIP LOCKED", "IN ($1, $2, $3, $4)"},
		outbox.MySQL:      {"VALUES (?, ?)", "LIMIT 100 FOR UPDATE SKIP LOCKED", "IN (?, ?, ?, ?)"},
		outbox.SQLite:     {"VALUES (?, ?)", "LIMIT 100", "IN (?, ?, ?, ?)"},
	} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
			defer client.Close()
			memory := &table{}
			db := sql.OpenDB(memory)
			defer db.Close()
			add := func(commit bool, project string, v int64) error {
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := dialect.Add(t.Context(), tx, project, v); err != nil || !commit {
					return errors.Join(err, tx.Rollback())
				}
				return tx.Commit()
			}
			for _, err := range []error{add(true, "42", 1), add(true, "42", 3), add(true, "42", 2), add(false, "42", 9)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if add(true, "größe", 1) == nil || add(true, "42", -1) == nil {
				t.Error("what no gateway could read is written")
			}
			memory.rows = append(memory.rows, []driver.Value{int64(99), "größe", int64(1)}) // by somebody else
			var log bytes.Buffer
			relay := &outbox.Relay{DB: db, Dialect: dialect, Publisher: publish.To(client, publish.Options{}), Log: slog.New(slog.NewTextHandler(&log, nil))}

			server.Kill()
			if n, err := relay.Once(t.Context()); err == nil || len(memory.rows) != 4 {
				t.Errorf("without Redis: %d rows, %v, %d left", n, err, len(memory.rows))
			}
			server.Start()
			if n, err := relay.Once(t.Context()); err != nil || n != 4 || len(memory.rows) != 0 || server.Do("GET", "nudge:{42}") != "3" {
				t.Errorf("%d rows, %v, %d left, %v stored", n, err, len(memory.rows), server.Do("GET", "nudge:{42}"))
			}
			if !strings.Contains(log.String(), "id=99") {
				t.Errorf("the row that nobody can publish is not named: %s", &log)
			}
			if n, err := relay.Once(t.Context()); err != nil || n != 0 {
				t.Errorf("once more: %d, %v", n, err)
			}
			for _, want := range texts {
				if !slices.ContainsFunc(memory.seen, func(text string) bool { return strings.HasSuffix(text, want) || strings.HasSuffix(text, want+")") }) {
					t.Errorf("no statement ends with %s: %q", want, memory.seen)
				}
			}
			if err := add(true, "42", 4); err != nil {
				t.Fatal(err)
			}
			relay.Log = nil // slog.Default()
			memory.rows = append(memory.rows, []driver.Value{int64(100), "a b", int64(1)})
			if n, err := relay.Once(t.Context()); err != nil || n != 2 {
				t.Errorf("without a log: %d, %v", n, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			relay.Run(ctx) // and returns
		})
	}
}
