package cli_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// The whole service: an account that the command makes signs in to the web app, which keeps what
// it is given over a restart.
func TestPortalOfARealProcess(t *testing.T) {
	env := []string{"DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "DRAIN_DELAY=0"}
	add := exec.Command("service", "user", "add", "--admin", "chief")
	add.Env, add.Stdin = env, strings.NewReader("correct horse battery\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	send := func(p *clitest.Process, path string, form url.Values) (string, int) {
		t.Helper()
		r, err := http.NewRequest("GET", "http://"+p.Addr+path, nil)
		if form != nil {
			r, err = http.NewRequest("POST", "http://"+p.Addr+path, strings.NewReader(form.Encode()))
		}
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), answer.StatusCode
	}

	p := clitest.Launch(t, env...)
	p.Listening(t)
	send(p, "/login", url.Values{"id": {"ADMIN"}, "pw": {"admin"}})
	if body, status := send(p, "/private/", nil); status != 401 {
		t.Fatalf("without SEED_DEMO a default password opens: %d\n%s", status, body)
	}
	send(p, "/login", url.Values{"id": {"Chief"}, "pw": {"correct horse battery"}})
	send(p, "/write_note", url.Values{"text_note_to_take": {"kept over a restart"}})
	for path, want := range map[string]string{"/": "Welcome, CHIEF", "/admin/": "administrator", "/private/": "kept over a restart"} {
		if body, status := send(p, path, nil); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
	if strings.Contains(p.Stderr.String(), "correct horse") {
		t.Error("the password is in the log")
	}
	p.Signal(t, os.Interrupt)
	p.ExitCode(t)

	p = clitest.Launch(t, append(env, "HOME_ENABLED=false")...)
	p.Listening(t)
	// The session is in the database, so it is still there; the cookie belongs to the host, whatever the port.
	if body, status := send(p, "/private/", nil); status != 200 || !strings.Contains(body, "kept over a restart") {
		t.Errorf("after a restart: %d\n%s", status, body)
	}
	if body, status := send(p, "/", nil); status != 200 || !strings.Contains(body, "Welcome, CHIEF") {
		t.Errorf("without workload home: %d\n%s", status, body)
	}
}
