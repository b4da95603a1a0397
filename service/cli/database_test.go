package cli_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

// readiness is the status of /readyz, and the checks that fail.
func readiness(t *testing.T, p *clitest.Process) (int, string) {
	t.Helper()
	answer, body, err := get("http://" + p.Addr + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// With nothing set up there is a SQLite file, and it is ready at once.
func TestServesFromSQLite(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t)
	p.Listening(t)
	if status, body := readiness(t, p); status != 200 {
		t.Errorf("not ready: %s", body)
	}
	if _, body, err := get("http://" + p.Addr + "/people"); err != nil || body != "[]" {
		t.Errorf("got %s, %v", body, err)
	}
	if _, body, err := get("http://" + p.MetricsAddr + "/metrics"); err != nil || !strings.Contains(body, `go_sql_max_open_connections{db_name="sqlite_writer"} 1`) {
		t.Errorf("metrics: %v\n%s", err, body)
	}
}

// Without a workload that keeps data there is no database, not even a file.
func TestServesWithoutADatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := clitest.Launch(t, "DATA_DIR="+dir, "PEOPLE_ENABLED=false", "PORTAL_ENABLED=false")
	p.Listening(t)
	if status, body := readiness(t, p); status != 200 {
		t.Errorf("not ready: %s", body)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is there: %v", dir, err)
	}
}

// The service starts before the migrations of a PostgreSQL have run, is not ready, says why, and
// becomes ready once they have.
func TestReadyOnceMigrated(t *testing.T) {
	t.Parallel()
	url := "DATABASE_URL=" + databasetest.PostgresURL(t)
	p := clitest.Launch(t, url)
	p.Listening(t)
	if status, body := readiness(t, p); status != 503 || !strings.Contains(body, `"field":"migrations"`) || strings.Contains(body, `"field":"database"`) {
		t.Errorf("got %d %s", status, body)
	}
	clitest.Eventually(t, "the log to say why", func() bool { return strings.Contains(p.Stderr.String(), "run `service migrate`") })
	if code, out, _ := clitest.Run(t, []string{url}, "migrate", "status"); code != 1 || !strings.Contains(out, "0001_people.sql has not run") {
		t.Errorf("status: %d %s", code, out)
	}
	if code, _, errs := clitest.Run(t, []string{url}, "import", "../people/testdata/sample.csv"); code != 1 || !strings.Contains(errs, "run `service migrate`") {
		t.Errorf("import: %d %s", code, errs)
	}
	if code, _, errs := clitest.Run(t, []string{url}, "migrate"); code != 0 {
		t.Fatalf("migrate: %d %s", code, errs)
	}
	if status, body := readiness(t, p); status != 200 {
		t.Errorf("still not ready: %s", body)
	}
	if code, out, errs := clitest.Run(t, []string{url}, "import", "../people/testdata/sample.csv"); code != 0 || out != "Imported: 6 items\n" {
		t.Errorf("import: %d %s %s", code, out, errs)
	}
	if _, body, err := get("http://" + p.Addr + "/people?limit=1"); err != nil || !strings.Contains(body, "Ada Ashdown") {
		t.Errorf("got %s, %v", body, err)
	}
}

// All pods of a rollout run `service migrate` at the same moment.
func TestEightMigrateAtOnce(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{{"DATABASE_URL=" + databasetest.PostgresURL(t)}, {"DATA_DIR=" + t.TempDir()}} {
		var pods sync.WaitGroup
		var mu sync.Mutex
		var all strings.Builder
		for range 8 {
			pods.Go(func() {
				code, out, errs := clitest.Run(t, env, "migrate")
				if code != 0 {
					t.Errorf("%d %s", code, errs)
				}
				mu.Lock()
				defer mu.Unlock()
				all.WriteString(out)
			})
		}
		pods.Wait()
		if n := strings.Count(all.String(), "0001_people.sql ran in"); n != 1 {
			t.Errorf("0001 ran %d times:\n%s", n, all.String())
		}
		if code, out, _ := clitest.Run(t, env, "migrate", "status"); code != 0 {
			t.Errorf("status: %d %s", code, out)
		}
	}
}

// The database comes up after the service.
func TestWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	socket := databasetest.Socket(t)
	link := filepath.Join(t.TempDir(), "s")
	p := clitest.Launch(t, "DATABASE_URL="+databasetest.URL(link, "postgres"))
	clitest.Eventually(t, "the wait", func() bool { return strings.Contains(p.Stderr.String(), "waiting for the database") })
	if strings.Contains(p.Stderr.String(), `"msg":"listening"`) {
		t.Error("it listens without a database")
	}
	if err := os.Symlink(socket, link); err != nil {
		t.Fatal(err)
	}
	p.Listening(t)
}

// secretURL has a password and leads to where nothing listens.
func secretURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "postgres://towpath:hunter2@" + l.Addr().String() + "/towpath"
}

func TestGivesUpWaiting(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(secretURL(t)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := clitest.Launch(t, "DATABASE_URL_FILE="+file, "DATABASE_WAIT=500ms", "LOG_LEVEL=debug")
	if code := p.ExitCode(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	log := p.Stderr.String()
	if !strings.Contains(log, "service: the database did not answer within 500ms: ") || !strings.Contains(log, "refused") {
		t.Errorf("the reason is missing: %s", log)
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("the password is in the log: %s", log)
	}
}

func TestSIGTERMWhileWaitingForTheDatabase(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "DATABASE_URL="+secretURL(t))
	clitest.Eventually(t, "the wait", func() bool { return strings.Contains(p.Stderr.String(), "waiting for the database") })
	before := time.Now()
	p.Signal(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
