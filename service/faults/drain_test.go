package faults

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

// manyRows of longName make a list of some six megabytes, more than the kernel keeps for a client
// that does not read.
const manyRows = 12_000

var longName = strings.Repeat("🚢", 100)

// SIGTERM comes under load, while uploads are half sent and lists are half read. Readiness fails
// first; what began before the listener closed is finished, however long after; the exit code is 0.
func TestSIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := clitest.Launch(t, "DATA_DIR="+dir, "SEED_DEMO=true", "DRAIN_DELAY=3s",
		"SHUTDOWN_GRACE=5m", "WRITE_TIMEOUT=5m") // how fast all this goes is the machine's business
	p.Listening(t)
	base := "http://" + p.Addr
	fillRegister(t, filepath.Join(dir, "service.db"))
	l := &load{t: t, stopped: make(chan struct{})}
	l.base.Store(base)
	user := &writer{client: newClient(l), load: l, name: "TEST"}
	user.cookie = sessionOf(user.post("/login", "id", "TEST", "pw", "123456"))

	closed := make(chan struct{}) // the listener
	finished := make(chan error)
	const uploads, lists = 8, 2
	begun := make(chan struct{})
	picture := noise(t, 100)
	for i := range uploads {
		go func() { finished <- slowUpload(p.Addr, user.cookie, fmt.Sprintf("%d.png", i), picture, begun, closed) }()
	}
	for range lists {
		go func() { finished <- slowList(p.Addr, begun, closed) }()
	}
	for range uploads + lists {
		<-begun
	}

	passers := make(chan struct{})
	for range 4 {
		passer := &passer{client: newClient(l), load: l}
		go func() {
			l.repeat(passer.step)
			passers <- struct{}{}
		}()
	}
	clitest.Eventually(t, "some load", func() bool { return l.others.Load() > 50 || t.Failed() })
	p.Signal(t, syscall.SIGTERM)
	expect(t, base, "/readyz", 503)
	others := l.others.Load()
	clitest.Eventually(t, "load while it drains", func() bool { return l.others.Load() > others+50 || t.Failed() })
	l.stop()
	for range 4 {
		<-passers
	}

	clitest.Eventually(t, "the listener to close", func() bool {
		c, err := net.Dial("tcp", p.Addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(closed)
	for range uploads + lists {
		if err := <-finished; err != nil {
			t.Error(err)
		}
	}
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// fillRegister puts many people in at once.
func fillRegister(t testing.TB, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO people (uuid, survived, passenger_class, name, sex, age, siblings_or_spouses_aboard, parents_or_children_aboard, fare)
		SELECT '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + i AS text), 2), 0, 3, ?, 'female', 26, 0, 0, 7 FROM n`, manyRows, longName); err != nil {
		t.Fatal(err)
	}
}

// slowUpload sends all of an image but its end, and the end after the listener has closed.
func slowUpload(addr, cookie, name string, content []byte, begun chan<- struct{}, closed <-chan struct{}) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		begun <- struct{}{}
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(4 * clitest.Patience))
	contentType, body := multipartFile(name, content)
	fmt.Fprintf(c, "POST /upload_image HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", cookie, contentType, len(body))
	half := len(body) / 2
	_, err = io.WriteString(c, body[:half])
	begun <- struct{}{}
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	<-closed
	if _, err := io.WriteString(c, body[half:]); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	defer got.Body.Close()
	if got.StatusCode != 302 {
		return fmt.Errorf("upload: %s", got.Status)
	}
	return nil
}

// slowList reads the beginning of the list, and the rest after the listener has closed.
func slowList(addr string, begun chan<- struct{}, closed <-chan struct{}) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		begun <- struct{}{}
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(4 * clitest.Patience))
	c.(*net.TCPConn).SetReadBuffer(256 << 10) // or the kernel would take all of the list for us
	fmt.Fprint(c, "GET /people HTTP/1.1\r\nHost: x\r\n\r\n")
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	begun <- struct{}{}
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	defer got.Body.Close()
	<-closed
	text, err := io.ReadAll(got.Body)
	var list []person
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err == nil && len(list) != manyRows {
		err = fmt.Errorf("%d rows", len(list))
	}
	if err != nil {
		return fmt.Errorf("list of %d bytes: %w", len(text), err)
	}
	return nil
}

// Two rolling updates under load, behind a balancer that goes by readiness as a Kubernetes Service
// does. No client sees any of it.
func TestRollingUpdate(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=" + databasetest.PostgresURL(t), "DATA_DIR=" + t.TempDir(), "DRAIN_DELAY=3s"}
	migrate(t, env...)
	addUser(t, "ANN", env...)
	addUser(t, "BOB", env...)
	b := newBalancer(t)
	p := clitest.Launch(t, env...)
	p.Listening(t)
	b.follow(p.Addr)
	expect(t, "http://"+b.addr, "/readyz", 200)
	l := begin(t, "http://"+b.addr, "ANN", "BOB")
	l.progress(100)
	for range 2 {
		next := clitest.Launch(t, env...)
		next.Listening(t)
		b.follow(next.Addr)
		expect(t, "http://"+next.Addr, "/readyz", 200)
		p.Signal(t, syscall.SIGTERM)
		if code := p.ExitCode(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		p = next
		l.progress(100)
	}
	l.stop()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d requests were refused", n)
	}
	l.people.kept(t, "people", l.register())
	l.notes.kept(t, "notes", l.notesOf("ANN", "BOB"))
	if log := p.Stderr.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Error("the log has errors")
	}
}
