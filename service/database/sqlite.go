package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

const (
	sqliteFile = "service.db"
	// sqliteLock is locked, and stays empty. The database itself cannot serve as the lock of
	// migrations, since each of those is a transaction of its own.
	sqliteLock = "service.db-migrate"
	// sqliteReaders is how many connections read at once. No statement of ours stays open while
	// a client is slow, so a few suffice; each holds a cache of 2 MB.
	sqliteReaders = 4
)

// sqlitePragmas apply to every connection.
//
//   - WAL: readers and the writer do not wait for each other.
//   - synchronous=NORMAL: with WAL a power cut may lose the last transactions, never the file.
//     FULL would make each write wait for the disk.
//   - busy_timeout, in ms: how long to wait for another process, such as `service import`.
var sqlitePragmas = []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"}

func openSQLite(cfg Config) (*DB, error) {
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	// What users store is for this process alone.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("DATA_DIR: %w", err)
	}
	file, lockFile := filepath.Join(dir, sqliteFile), filepath.Join(dir, sqliteLock)
	// An immediate transaction takes the lock when it begins. A deferred one would take it at its
	// first write, and fail there without waiting if anyone had written since its first read.
	writer := openStatements(sqliteDSN(file, "immediate", sqlitePragmas...))
	writer.SetMaxOpenConns(1)
	reader := openStatements(sqliteDSN(file, "deferred", append([]string{"query_only(1)"}, sqlitePragmas...)...))
	reader.SetMaxOpenConns(sqliteReaders)
	reader.SetMaxIdleConns(sqliteReaders)
	return &DB{
		dialect: SQLite,
		reader:  reader,
		writer:  writer,
		probe:   reader,
		lock:    func(*sql.Conn) tryLock { return &sqliteMutex{file: lockFile} },
		redact:  func(err error) error { return err },
		onClose: []func() error{reader.Close, writer.Close},
	}, nil
}

// sqliteDSN writes a file and its settings the way the driver reads them.
func sqliteDSN(file, txlock string, pragmas ...string) string {
	u := url.URL{
		Scheme:   "file",
		Path:     filepath.ToSlash(file),
		RawQuery: url.Values{"_pragma": pragmas, "_txlock": {txlock}}.Encode(),
	}
	return u.String()
}

// sqliteMutex is a lock between processes: an exclusive transaction on a file of its own. The
// operating system frees it when its holder dies.
type sqliteMutex struct {
	file string
	db   *sql.DB
	tx   *sql.Tx
}

func (m *sqliteMutex) try(ctx context.Context) (bool, error) {
	db, err := sql.Open("sqlite", sqliteDSN(m.file, "exclusive", "busy_timeout(0)"))
	if err != nil {
		return false, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		db.Close()
		if isBusy(err) {
			return false, nil
		}
		return false, err
	}
	m.db, m.tx = db, tx
	return true, nil
}

func (m *sqliteMutex) unlock(context.Context) error {
	_ = m.tx.Rollback()
	return m.db.Close()
}
