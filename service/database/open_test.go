package database_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

const password = "hunter2/&?"

// secretURL has a password and leads to a port where nothing listens.
func secretURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "postgres://towpath:hunter2%2F&%3F@" + l.Addr().String() + "/towpath?sslmode=disable"
}

// log collects lines for a test that reads them while they are written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func secretIn(text string) bool {
	return strings.Contains(text, "hunter2") || strings.Contains(text, password)
}

func TestOpenGivesUp(t *testing.T) {
	var log log
	_, err := database.Open(t.Context(), database.Config{
		URL: secretURL(t), Wait: 600 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err == nil || !strings.Contains(err.Error(), "did not answer within 600ms") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	if err != nil && (secretIn(err.Error()) || strings.Contains(err.Error(), "\n")) {
		t.Errorf("got %q", err)
	}
	if got := log.String(); strings.Count(got, "waiting for the database") != 1 || secretIn(got) {
		t.Errorf("logged %s", got)
	}
}

// A server that echoes the password in its refusal does not get it into our errors.
func TestErrorsAreRedacted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1024))
			message := "SFATAL\x00C28P01\x00Mthe password " + password + " is wrong\x00\x00"
			c.Write(append([]byte{'E', 0, 0, 0, byte(4 + len(message))}, message...))
			c.Close()
		}
	}()
	_, err = database.Open(t.Context(), database.Config{URL: "postgres://towpath:hunter2%2F&%3F@" + l.Addr().String() + "/towpath?sslmode=disable"})
	if err == nil || secretIn(err.Error()) || !strings.Contains(err.Error(), "the password xxxxx is wrong") {
		t.Errorf("got %v", err)
	}
}

func TestOpenMalformedURL(t *testing.T) {
	for _, url := range []string{
		"postgres://towpath:hunter2@[::1/towpath", "hunter2", "postgres://towpath:hunter2@host:port/", "mysql://towpath:hunter2@host/",
		"postgres://host/?sslmode=hunter2", "postgres://towpath:hunter2%zz@host/",
	} {
		_, err := database.Open(t.Context(), database.Config{URL: url, Wait: time.Minute})
		if err == nil || secretIn(err.Error()) || !strings.Contains(err.Error(), "DATABASE_URL: not understood") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

// The database comes up while the service waits for it.
func TestOpenWaits(t *testing.T) {
	socket := databasetest.Socket(t)
	link := filepath.Join(t.TempDir(), "s")
	var log log
	opened := make(chan error, 1)
	go func() {
		db, err := database.Open(t.Context(), database.Config{
			URL: databasetest.URL(link, "postgres"), Wait: time.Minute, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	for tick := time.NewTicker(5 * time.Millisecond); !strings.Contains(log.String(), "waiting"); {
		select {
		case err := <-opened:
			t.Fatalf("did not wait: %v", err)
		case <-tick.C:
		}
	}
	if err := os.Symlink(socket, link); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestOpenIsCancelled(t *testing.T) {
	stop := errors.New("SIGTERM")
	ctx, cancel := context.WithCancelCause(t.Context())
	url := secretURL(t)
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if _, err := database.Open(ctx, database.Config{URL: url, Wait: time.Hour}); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// No amount of waiting makes a folder out of a file.
func TestOpenSQLiteFailsAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := database.Open(t.Context(), database.Config{DataDir: file, Wait: time.Hour}); err == nil || !strings.HasPrefix(err.Error(), "DATA_DIR: ") {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "service.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := database.Open(t.Context(), database.Config{DataDir: dir, Wait: time.Hour}); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("got %v", err)
	}
}

// Readiness fails while the database is away, and recovers with it.
func TestReadinessFollowsTheDatabase(t *testing.T) {
	link := filepath.Join(t.TempDir(), "s")
	if err := os.Symlink(databasetest.Socket(t), link); err != nil {
		t.Fatal(err)
	}
	db := open(t, database.Config{URL: databasetest.URL(link, "postgres")})
	if err := check(t, db, "database"); err != nil {
		t.Fatal(err)
	}
	os.Remove(link)
	// Its own connection is cut, as a restart of the server would.
	if _, err := db.Writer().Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'service' AND pid <> pg_backend_pid() AND datname = 'postgres'"); err != nil {
		t.Fatal(err)
	}
	if err := check(t, db, "database"); err == nil {
		t.Error("ready without a database")
	}
	if err := os.Symlink(databasetest.Socket(t), link); err != nil {
		t.Fatal(err)
	}
	if err := check(t, db, "database"); err != nil {
		t.Errorf("not ready again: %v", err)
	}
}
