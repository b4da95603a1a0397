package database_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/workload"
)

// both runs a test against an empty, unmigrated place of either kind. Whatever opens the
// configuration again sees the same database.
func both(t *testing.T, run func(t *testing.T, cfg database.Config)) {
	t.Run("sqlite", func(t *testing.T) { run(t, database.Config{DataDir: filepath.Join(t.TempDir(), "new")}) })
	t.Run("postgres", func(t *testing.T) { run(t, database.Config{URL: databasetest.PostgresURL(t)}) })
}

func open(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func status(t *testing.T, db *database.DB) database.Status {
	t.Helper()
	s, err := db.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, db *database.DB, name string) error {
	t.Helper()
	checks := db.Workload().Checks
	i := slices.IndexFunc(checks, func(c workload.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %s", name)
	}
	return checks[i].Run(t.Context())
}

func TestMigrate(t *testing.T) {
	both(t, func(t *testing.T, cfg database.Config) {
		db := open(t, cfg)
		before := status(t, db)
		if !before.Behind() || before.Current != 0 || before.Pending[0] != "0001_people.sql" {
			t.Errorf("an empty database: %+v", before)
		}
		if again := status(t, db); again.Current != 0 {
			t.Errorf("looking has changed it: %+v", again)
		}
		if err := check(t, db, "migrations"); err == nil || !strings.Contains(err.Error(), "run `service migrate`") {
			t.Errorf("ready before migrating: %v", err)
		}
		if err := check(t, db, "database"); err != nil {
			t.Error(err)
		}
		applied, err := db.Migrate(t.Context())
		if err != nil || len(applied) != len(before.Pending) || applied[0].File != before.Pending[0] {
			t.Errorf("got %v, %v", applied, err)
		}
		if after := status(t, db); after.Behind() || after.Current != after.Want || after.Want != before.Want {
			t.Errorf("after migrating: %+v", after)
		}
		if err := check(t, db, "migrations"); err != nil {
			t.Error(err)
		}
		if applied, err := db.Migrate(t.Context()); err != nil || len(applied) != 0 {
			t.Errorf("the second time: %v, %v", applied, err)
		}
	})
}

// A rollout migrates first, so for a while older pods see a schema from the future.
func TestAheadIsReady(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		want := status(t, db).Want
		_, err := db.Writer().Exec(db.Rebind("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)"), want+1, true)
		if err != nil {
			t.Fatal(err)
		}
		if s := status(t, db); s.Behind() || s.Current != want+1 {
			t.Errorf("got %+v", s)
		}
		if err := check(t, db, "migrations"); err != nil {
			t.Error(err)
		}
	})
}

// Eight pods migrate at the same time; the work is done once.
func TestConcurrentMigrations(t *testing.T) {
	both(t, func(t *testing.T, cfg database.Config) {
		var mu sync.Mutex
		var ran []string
		var pods sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			pods.Go(func() {
				cfg := cfg
				cfg.Wait = 30 * time.Second // eight may be making the same file
				db, err := database.Open(context.Background(), cfg)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				<-start
				applied, err := db.Migrate(context.Background())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, a := range applied {
					ran = append(ran, a.File)
				}
			})
		}
		close(start)
		pods.Wait()
		s := status(t, open(t, cfg))
		if s.Behind() || int64(len(ran)) != s.Want || !slices.IsSorted(ran) {
			t.Errorf("ran %v; now %+v", ran, s)
		}
	})
}

// Whoever waits for another's migration gives up with its context.
func TestMigrateGivesUp(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		db := open(t, database.Config{URL: databasetest.PostgresURL(t)})
		conn, err := db.Reader().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "SELECT pg_advisory_lock($1)", int64(0x746f7770617468)); err != nil {
			t.Fatal(err)
		}
		giveUp(t, db)
	})
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		db := open(t, database.Config{DataDir: dir})
		other, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "service.db-migrate")+"?_txlock=exclusive")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		tx, err := other.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		giveUp(t, db)
	})
}

func giveUp(t *testing.T, db *database.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, err := db.Migrate(ctx); err == nil {
		t.Error("two migrate at once")
	}
}

// Both folders hold the same numbers and names, without gaps of our own making, and each file
// can be undone.
func TestMigrationFiles(t *testing.T) {
	names := map[string][]string{}
	for _, dialect := range []string{"sqlite", "postgres"} {
		err := fs.WalkDir(os.DirFS("migrations/"+dialect), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			names[dialect] = append(names[dialect], path)
			content, err := os.ReadFile(filepath.Join("migrations", dialect, path))
			for _, part := range []string{"-- +goose Up\n", "-- +goose Down\n"} {
				if !strings.Contains(string(content), part) {
					t.Errorf("%s/%s lacks %q", dialect, path, part)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(names["sqlite"], names["postgres"]) {
		t.Errorf("the dialects differ: %v", names)
	}
}

func TestTransactions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		if _, err := db.Writer().ExecContext(ctx, "CREATE TABLE note (id integer PRIMARY KEY, text text)"); err != nil {
			t.Fatal(err)
		}
		insert := func(tx *sql.Tx, id int) error {
			_, err := tx.ExecContext(ctx, db.Rebind("INSERT INTO note (id, text) VALUES (?, ?)"), id, "x")
			return err
		}
		count := func() (n int) {
			if err := db.Reader().QueryRowContext(ctx, "SELECT count(*) FROM note").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := db.InTx(ctx, func(tx *sql.Tx) error { return insert(tx, 1) }); err != nil || count() != 1 {
			t.Fatalf("commit: %v", err)
		}
		stop := errors.New("stop")
		err := db.InTx(ctx, func(tx *sql.Tx) error {
			if err := insert(tx, 2); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) || count() != 1 {
			t.Errorf("roll back: %v, %d rows", err, count())
		}
		err = db.InTx(ctx, func(tx *sql.Tx) error { return insert(tx, 1) })
		if !database.IsUniqueViolation(err) {
			t.Errorf("a second 1: %v", err)
		}
		if database.IsUniqueViolation(stop) || database.IsUniqueViolation(nil) {
			t.Error("not every error is a unique violation")
		}
		// Writers queue; none is turned away.
		var writers sync.WaitGroup
		for i := range 50 {
			writers.Go(func() {
				if err := db.InTx(ctx, func(tx *sql.Tx) error { return insert(tx, 100+i) }); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		if count() != 51 {
			t.Errorf("%d rows", count())
		}
	})
}

func TestSQLiteSettings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder?#%41 with signs")
	db := open(t, database.Config{DataDir: dir})
	if _, err := os.Stat(filepath.Join(dir, "service.db")); err != nil {
		t.Error(err)
	}
	for _, pool := range []*sql.DB{db.Reader(), db.Writer()} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "foreign_keys": "1", "synchronous": "1", "busy_timeout": "10000"} {
			var got string
			if err := pool.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %s, %v; want %s", pragma, got, err, want)
			}
		}
	}
	if _, err := db.Reader().Exec("CREATE TABLE x (y)"); err == nil {
		t.Error("the reader writes")
	}
	if info, err := os.Stat(dir); err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is open to others: %v", info.Mode())
	}
}

func TestMetrics(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		registry := prometheus.NewRegistry()
		for _, m := range db.Workload().Metrics {
			registry.MustRegister(m)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "go_sql_open_connections" {
				return
			}
		}
		t.Errorf("got %v", families)
	})
}
