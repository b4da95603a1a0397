// Package database is the store that the workloads share: a SQLite file where nothing is set up,
// a PostgreSQL where DATABASE_URL names one.
//
// A workload writes its SQL once, with ? for parameters, and passes it through [DB.Rebind]:
//
//	row := db.Reader().QueryRowContext(ctx, db.Rebind("SELECT name FROM people WHERE uuid = ?"), id)
//	err := db.InTx(ctx, func(tx *sql.Tx) error { … })
//
// Reads go to Reader and writes to Writer or InTx. For PostgreSQL the two are one pool. For
// SQLite they differ, because it lets one connection write at a time: the writer's pool holds
// that one, so that writers queue in Go, in order and with a context, instead of in SQLite's
// polling; and readers, whom the write-ahead log never makes wait, have a few of their own.
//
// The schema is a list of numbered migrations inside the binary (migrate.go), numbered across
// all workloads. A SQLite file belongs to its process, so serving brings it up to date. A
// PostgreSQL is shared by pods of two versions during a rollout, and who may change its tables
// is often not who serves: there `service migrate` runs beforehand, and until it has, the
// service starts but is not ready.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says where the database is.
type Config struct {
	URL      string // of a PostgreSQL; empty for SQLite. It is secret: nothing here logs or returns it
	DataDir  string // folder of the SQLite file; made if it is not there
	MaxConns int    // PostgreSQL connections of this process; 0 is 10
	// Wait is how long Open tries to reach the database; 0 tries once.
	Wait time.Duration
	Log  *slog.Logger // nil is silent
}

const (
	defaultMaxConns = 10
	// tryTimeout bounds one attempt to connect: a packet filter that swallows packets must not
	// use up the whole wait.
	tryTimeout = 5 * time.Second
	// retryPause is short, as the database of a fresh environment comes up within seconds.
	retryPause = 250 * time.Millisecond
	// nagPause is the time between two log lines about waiting.
	nagPause = 10 * time.Second
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	dialect Dialect
	reader  *sql.DB
	writer  *sql.DB
	probe   *sql.DB                 // for readiness: a busy pool is no reason to be taken out
	lock    func(*sql.Conn) tryLock // of migrations, held on a connection
	redact  func(error) error       // removes what is secret from an error's text
	onClose []func() error
}

// Open opens the database and waits until it answers. It changes no table; see [DB.Prepare].
// The error is that of the last attempt, without anything secret, or ctx's when that ended.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	open := openPostgres
	if cfg.URL == "" {
		open = openSQLite
	}
	db, err := open(cfg)
	if err != nil {
		return nil, err
	}
	if err := db.await(ctx, cfg); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// await pings until the database answers or the time is up.
func (db *DB) await(ctx context.Context, cfg Config) error {
	deadline := time.Now().Add(cfg.Wait)
	var nag time.Time
	for {
		err := db.ping(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !db.dialect.mayRecover(err):
			return fmt.Errorf("open the database: %w", err)
		case !time.Now().Before(deadline):
			return fmt.Errorf("the database did not answer within %s: %w", cfg.Wait, err)
		}
		if now := time.Now(); now.Sub(nag) >= nagPause {
			nag = now
			cfg.Log.Warn("waiting for the database", "error", err, "give_up_in", time.Until(deadline).Round(time.Second).String())
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(retryPause, time.Until(deadline))):
		}
	}
}

func (db *DB) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	// The writer first: it makes the file that readers open.
	for _, pool := range []*sql.DB{db.writer, db.reader} {
		if err := pool.PingContext(ctx); err != nil {
			return db.redact(err)
		}
	}
	return nil
}

// Dialect tells which kind of database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// Reader is the pool for statements that change nothing.
func (db *DB) Reader() *sql.DB { return db.reader }

// Writer is the pool for single statements that change something. Rows read from it must be
// closed before the next statement: with SQLite it has one connection.
func (db *DB) Writer() *sql.DB { return db.writer }

// Rebind turns ? into the parameters of the dialect. Strings in the query must not contain one.
func (db *DB) Rebind(query string) string { return db.dialect.rebind(query) }

// InTx runs f in a transaction that may write, and commits it if f returns nil. What f returns
// is returned as it is. Within f use tx alone: with SQLite the pool has no second connection.
func (db *DB) InTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	return nil
}

// Close closes all connections.
func (db *DB) Close() error {
	var all []error
	for _, f := range db.onClose {
		all = append(all, f())
	}
	return errors.Join(all...)
}
