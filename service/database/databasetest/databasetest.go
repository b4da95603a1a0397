// Package databasetest gives tests a database of their own, of either kind.
//
//	func TestStore(t *testing.T) {
//		databasetest.Each(t, func(t *testing.T, db *database.DB) { … })
//	}
//
// A PostgreSQL server is started once per test binary, from the programs of the distribution,
// on a socket in a temporary folder: no port, no container and no set-up. It ends with the test
// binary, however that ends. Where the programs are missing the test is skipped, or fails if
// TOWPATH_REQUIRE_TOOLS is 1, as in the pipeline.
package databasetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"gitlab.com/towpath/towpath/service/database"
)

// Each runs a test against SQLite and against PostgreSQL, migrated and empty.
func Each(t *testing.T, run func(t *testing.T, db *database.DB)) {
	t.Run("sqlite", func(t *testing.T) { run(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, Postgres(t)) })
}

// SQLite opens a file of its own, migrated. It is closed and removed when the test ends.
func SQLite(t testing.TB) *database.DB {
	t.Helper()
	return open(t, database.Config{DataDir: t.TempDir()})
}

// Postgres opens a database of its own, migrated. It is closed and dropped when the test ends.
func Postgres(t testing.TB) *database.DB {
	t.Helper()
	return open(t, database.Config{URL: PostgresURL(t)})
}

func open(t testing.TB, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

var databases atomic.Int64

// PostgresURL makes an empty database and returns its URL. It is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	dir := Socket(t)
	name := fmt.Sprintf("test_%d", databases.Add(1))
	administer(t, dir, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, dir, "DROP DATABASE "+name+" WITH (FORCE)") })
	return URL(dir, name)
}

// Socket starts the server if need be, and returns the folder of its socket.
func Socket(t testing.TB) string {
	t.Helper()
	dir, err := startOnce()
	if err != nil {
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dir
}

// URL names a database behind the socket in a folder.
func URL(dir, name string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + name, RawQuery: url.Values{"host": {dir}}.Encode()}
	return u.String()
}

func administer(t testing.TB, dir, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", URL(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// programs finds the folder of PostgreSQL's newest programs. Debian keeps them out of PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("PostgreSQL is not installed: there is no /usr/lib/postgresql/*/bin/initdb; run apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}
