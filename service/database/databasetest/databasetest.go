// Package databasetest gives tests a database of their own, of either kind.
//
//	func TestStore(t *testing.T) {
//		databasetest.Each(t, func(t *testing.T, db *database.DB) { … })
//	}
//
// A PostgreSQL server is started once per test binary, see package pgserver. Where its programs
// are missing the test is skipped, or fails if TOWPATH_REQUIRE_TOOLS is 1, as in the pipeline.
package databasetest

import (
	"context"
	"os"
	"sync"
	"testing"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/pgserver"
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

// shared is the server of this test binary. It is never closed: it ends with the binary.
var shared = sync.OnceValues(func() (*pgserver.Server, error) { return pgserver.Start(pgserver.Options{}) })

// PostgresURL makes an empty database and returns its URL. It is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	server := server(t)
	name, err := server.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drop(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return server.URL(name)
}

// Socket starts the server if need be, and returns the folder of its socket.
func Socket(t testing.TB) string {
	t.Helper()
	return server(t).Socket()
}

// URL names a database behind the socket in a folder.
func URL(dir, name string) string { return pgserver.URL(dir, name) }

// Server starts a server that is the test's alone, to be stopped and started again. It keeps
// what it has promised even when it is killed, and is removed when the test ends.
func Server(t testing.TB) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(pgserver.Options{Durable: true})
	need(t, err)
	t.Cleanup(s.Close)
	return s
}

func server(t testing.TB) *pgserver.Server {
	t.Helper()
	s, err := shared()
	need(t, err)
	return s
}

// need skips the test if there is no server.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}
