package faults

import (
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

func TestMain(m *testing.M) {
	// Most of the time these tests wait for something to fail or to recover, so more of them can
	// run at once than there are cores. A -parallel on the command line still decides.
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	clitest.Main(m)
}

// patient is a client for questions between the load.
var patient = &http.Client{
	Transport: &http.Transport{DisableKeepAlives: true},
	Timeout:   clitest.Patience,
	// A redirect is an answer like others.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	answer, err := patient.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, string(text)
}

// expect waits until a path answers with a status.
func expect(t testing.TB, base, path string, want int) {
	t.Helper()
	clitest.Eventually(t, path+" to be "+http.StatusText(want), func() bool {
		status, _ := get(t, base+path)
		return status == want
	})
}

// alive checks that the process is well, whatever it stands on.
func alive(t testing.TB, base string) {
	t.Helper()
	if status, body := get(t, base+"/livez"); status != 200 {
		t.Errorf("/livez is %d %s", status, body)
	}
}

// metric waits until /metrics has a line.
func metric(t testing.TB, p *clitest.Process, want string) {
	t.Helper()
	clitest.Eventually(t, "the metric "+want, func() bool {
		_, text := get(t, "http://"+p.MetricsAddr+"/metrics")
		return strings.Contains(text, want+"\n")
	})
}

const password = "correct horse"

// addUser adds an account to the database of these variables.
func addUser(t testing.TB, name string, env ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := clitest.Run(t, append(env, "PASSWORD_FILE="+file), "user", "add", name); code != 0 {
		t.Fatalf("user add: %d %s", code, errs)
	}
}

// migrate makes the tables.
func migrate(t testing.TB, env ...string) {
	t.Helper()
	if code, _, errs := clitest.Run(t, env, "migrate"); code != 0 {
		t.Fatalf("migrate: %d %s", code, errs)
	}
}

// within fails when something takes longer than it ever should, by far.
func within(t testing.TB, most time.Duration, what string, f func()) {
	t.Helper()
	before := time.Now()
	f()
	if took := time.Since(before); took > most {
		t.Errorf("%s took %v", what, took)
	}
}
