package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

func openPostgres(cfg Config) (*DB, error) {
	parsed, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		// The parser's error quotes the URL, and its own care about passwords knows only those
		// that stand where they should.
		return nil, errors.New("DATABASE_URL: not understood; it looks like postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full")
	}
	if parsed.RuntimeParams["application_name"] == "" {
		parsed.RuntimeParams["application_name"] = "service"
	}
	pool := stdlib.OpenDB(*parsed)
	pool.SetMaxOpenConns(cfg.MaxConns)
	// Opening a connection costs PostgreSQL a process; a pool that shrinks after each burst
	// would pay for it again and again.
	pool.SetMaxIdleConns(cfg.MaxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	// So that a fail-over or a new password reaches every connection in the end.
	pool.SetConnMaxLifetime(30 * time.Minute)

	probe := stdlib.OpenDB(*parsed)
	probe.SetMaxOpenConns(1)
	probe.SetConnMaxLifetime(30 * time.Minute)
	return &DB{
		dialect: Postgres,
		reader:  pool,
		writer:  pool,
		probe:   probe,
		lock:    func(c *sql.Conn) tryLock { return &advisoryLock{c} },
		redact:  redactor(parsed.Password, cfg.URL),
		onClose: []func() error{pool.Close, probe.Close},
	}, nil
}

// redacted is an error whose text has been cleared of secrets. It still unwraps.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.err }

// redactor blanks out secrets. The driver means to keep them out of its errors; this makes sure.
func redactor(secrets ...string) func(error) error {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, "xxxxx")
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(err error) error {
		if err == nil {
			return nil
		}
		// The driver breaks its lines; a log line and the last line of a command do not.
		text := strings.Join(strings.Fields(replacer.Replace(err.Error())), " ")
		return &redacted{text, err}
	}
}

// advisoryLock is a lock between all processes at one PostgreSQL database. The server frees it
// when the connection ends.
type advisoryLock struct{ conn *sql.Conn }

// advisoryKey is the name of the lock, which is a number: "towpath" in ASCII.
const advisoryKey = 0x746f7770617468

// try does not wait: a statement that waits keeps a snapshot open, and CREATE INDEX CONCURRENTLY
// in the migration of the lock's holder would wait for it in turn, for ever.
func (l *advisoryLock) try(ctx context.Context) (held bool, err error) {
	err = l.conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(advisoryKey)).Scan(&held)
	return held, err
}

func (l *advisoryLock) unlock(ctx context.Context) error {
	_, err := l.conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(advisoryKey))
	return err
}
