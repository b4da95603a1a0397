package database_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

func TestClassesOfFailure(t *testing.T) {
	code := func(code string) error { return &pgconn.PgError{Severity: "FATAL", Code: code} }
	tests := []struct {
		name              string
		err               error
		unavailable, full bool
	}{
		{"none", nil, false, false},
		{"no row", sql.ErrNoRows, false, false},
		{"given up by the client", context.Canceled, false, false},
		{"a bug", code("42601"), false, false},
		{"a unique value", code("23505"), false, false},
		{"stopping", code("57P01"), true, false},
		{"crashed", code("57P02"), true, false},
		{"starting", code("57P03"), true, false},
		{"too many connections", code("53300"), true, false},
		{"connection failure", code("08006"), true, false},
		{"disk full", code("53100"), false, true},
		{"no answer in time", context.DeadlineExceeded, true, false},
		{"connection cut", io.ErrUnexpectedEOF, true, false},
		{"connection reset", &net.OpError{Op: "read", Err: errors.New("reset")}, true, false},
		{"a file", &fs.PathError{Op: "write", Err: syscall.EIO}, false, false},
		{"bad connection", driver.ErrBadConn, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("add a person: %w", err)
			}
			if got := database.Unavailable(err); got != tt.unavailable {
				t.Errorf("unavailable: %t", got)
			}
			if got := database.Full(err); got != tt.full {
				t.Errorf("full: %t", got)
			}
		})
	}
}

// What the drivers really say.
func TestUnavailableForReal(t *testing.T) {
	server := databasetest.Server(t)
	db := open(t, database.Config{URL: server.URL("postgres")})
	if _, err := db.Writer().Exec("SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("SELEKT"); err == nil || database.Unavailable(err) {
		t.Errorf("a wrong statement: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := db.Writer().ExecContext(ctx, "SELECT pg_sleep(60)"); !database.Unavailable(err) {
		t.Errorf("no answer in time: %v", err)
	}
	stopped := make(chan error, 1)
	go func() {
		_, err := db.Writer().Exec("SELECT pg_sleep(60)")
		stopped <- err
	}()
	for running := 0; running == 0; {
		if err := db.Reader().QueryRow("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'").Scan(&running); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; !database.Unavailable(err) {
		t.Errorf("in the middle of a statement: %v", err)
	}
	if _, err := db.Writer().Exec("SELECT 1"); !database.Unavailable(err) {
		t.Errorf("while it is down: %v", err)
	}
	if err := db.InTx(t.Context(), func(*sql.Tx) error { return nil }); !database.Unavailable(err) {
		t.Errorf("a transaction while it is down: %v", err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("SELECT 1"); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestSQLiteFailures(t *testing.T) {
	dir := t.TempDir()
	db := open(t, database.Config{DataDir: dir})
	// A limit on pages is as good as a disk that is full.
	if _, err := db.Writer().Exec("CREATE TABLE blobs (content)"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("PRAGMA max_page_count = 10"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Writer().Exec("INSERT INTO blobs VALUES (zeroblob(1000000))")
	if !database.Full(err) || database.Unavailable(err) {
		t.Errorf("without room: %v", err)
	}

	other, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "service.db")+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := db.Writer().Exec("PRAGMA busy_timeout = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("DELETE FROM blobs"); !database.Unavailable(err) || database.Full(err) {
		t.Errorf("while another process writes: %v", err)
	}
}
