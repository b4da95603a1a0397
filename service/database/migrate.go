package database

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
)

// Migrations are numbered across workloads, NNNN_name.sql, the same numbers in both folders. A
// released one is never changed; while pods of two versions share a database, a new one must
// leave the older pods working.
//
//go:embed migrations
var migrations embed.FS

// versionTable is where goose notes which migrations have run.
const versionTable = goose.DefaultTablename

// lockPause is the time between two attempts to be the one who migrates.
const lockPause = 50 * time.Millisecond

// Status compares a database with what this build wants.
type Status struct {
	Current int64    // highest migration that has run; 0 for none
	Want    int64    // highest migration of this build
	Pending []string // files of this build's migrations that have not run, in order
}

// Behind tells whether this build cannot work with the database yet. A database that is ahead
// is fine: a newer build has migrated it.
func (s Status) Behind() bool { return len(s.Pending) > 0 }

// Applied is one migration that has just run.
type Applied struct {
	File string
	Took time.Duration
}

// Migrate runs all pending migrations, each in a transaction, and returns those it ran. Any
// number of processes may call it at once: one migrates, the others wait for it, until ctx ends.
// After an error the database is as the last successful migration left it.
func (db *DB) Migrate(ctx context.Context) ([]Applied, error) {
	provider, err := db.provider()
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", db.redact(err))
	}
	var applied []Applied
	for _, r := range results {
		applied = append(applied, Applied{File: path.Base(r.Source.Path), Took: r.Duration})
	}
	return applied, nil
}

// Prepare makes the database fit to serve from: it migrates SQLite, and leaves PostgreSQL to
// `service migrate`.
func (db *DB) Prepare(ctx context.Context) error {
	if db.dialect != SQLite {
		return nil
	}
	_, err := db.Migrate(ctx)
	return err
}

func (db *DB) provider() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(migrations, "migrations/"+string(db.dialect))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, db.writer, files,
		goose.WithSessionLocker(&locker{on: db.lock}), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// Status reads what has run. It changes nothing, not even in an empty database.
func (db *DB) Status(ctx context.Context) (Status, error) {
	provider, err := db.provider()
	if err != nil {
		return Status{}, err
	}
	applied, err := db.applied(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("read which migrations have run: %w", db.redact(err))
	}
	var s Status
	for version := range applied {
		s.Current = max(s.Current, version)
	}
	for _, source := range provider.ListSources() {
		s.Want = max(s.Want, source.Version)
		if !applied[source.Version] {
			s.Pending = append(s.Pending, path.Base(source.Path))
		}
	}
	return s, nil
}

func (db *DB) applied(ctx context.Context) (map[int64]bool, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + versionTable + "'"
	if db.dialect == Postgres {
		exists = "SELECT count(to_regclass('" + versionTable + "'))"
	}
	var n int
	if err := db.probe.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return nil, err
	}
	rows, err := db.probe.QueryContext(ctx, "SELECT version_id FROM "+versionTable)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int64]bool{}
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		applied[version] = true
	}
	return applied, rows.Err()
}

// tryLock is a lock between processes that does not wait.
type tryLock interface {
	try(context.Context) (held bool, err error)
	unlock(context.Context) error
}

// locker makes goose wait for a tryLock. goose has one of its own for PostgreSQL, which looks
// every five seconds, and none for SQLite.
type locker struct {
	on   func(*sql.Conn) tryLock
	held tryLock
}

func (l *locker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	lock := l.on(conn)
	for {
		held, err := lock.try(ctx)
		if err != nil {
			return fmt.Errorf("take the lock of migrations: %w", err)
		}
		if held {
			l.held = lock
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another process that migrates: %w", context.Cause(ctx))
		case <-time.After(lockPause):
		}
	}
}

func (l *locker) SessionUnlock(ctx context.Context, _ *sql.Conn) error {
	return l.held.unlock(ctx)
}
