package faults

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

// The service is killed under load, again and again, and started anew. Every change that it has
// acknowledged is there, and every image is whole.
func TestServiceIsKilled(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(*testing.T) string { return "DATABASE_URL=" },
		"postgres": func(t *testing.T) string { return "DATABASE_URL=" + databasetest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killed(t, database(t))
		})
	}
}

func killed(t *testing.T, database string) {
	dir := t.TempDir()
	env := []string{database, "DATA_DIR=" + dir}
	migrate(t, env...)
	addUser(t, "ANN", env...)
	addUser(t, "BOB", env...)

	p := clitest.Launch(t, env...)
	p.Listening(t)
	l := begin(t, "http://"+p.Addr, "ANN")
	uploads := newUploader(t, l, "BOB")
	l.clients.Go(uploads.run)
	for range 3 {
		uploads.left.Add(15)
		l.progress(100)
		l.breaks.Store(true)
		p.Kill()
		p = clitest.Launch(t, env...)
		p.Listening(t)
		l.base.Store("http://" + p.Addr)
		expect(t, "http://"+p.Addr, "/readyz", 200)
		l.breaks.Store(false)
	}
	l.progress(100)
	l.stop()
	l.people.kept(t, "people", l.register())
	l.notes.kept(t, "notes", l.notesOf("ANN"))

	bob := &writer{client: newClient(l), load: l, name: "BOB"}
	bob.signIn()
	images := bob.images(t)
	for _, path := range images {
		a := bob.send("GET", path, "", "", "Cookie", bob.cookie)
		if a.status != 200 || a.body != string(smallPicture) {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
	}
	if sure := int(l.uploaded.Load()); len(images) < sure || sure == 0 {
		t.Errorf("there are %d images, promised were %d", len(images), sure)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		// Half an image may be left, but under a name that says so.
		if whole, err := os.ReadFile(filepath.Join(dir, "images", e.Name())); err != nil ||
			!strings.HasSuffix(e.Name(), ".part") && string(whole) != string(smallPicture) {
			t.Errorf("%s has %d bytes: %v", e.Name(), len(whole), err)
		}
	}
}

// uploader stores as many images as it is told to, and not more than a page shows.
type uploader struct {
	writer
	left atomic.Int64
}

func newUploader(t testing.TB, l *load, name string) *uploader {
	smallPictureOnce.Do(func() { smallPicture = noise(t, 60) })
	return &uploader{writer: writer{client: newClient(l), load: l, name: name}}
}

func (u *uploader) run() {
	u.load.repeat(func() {
		switch {
		case u.cookie == "":
			u.signIn()
		case u.left.Load() > 0:
			u.left.Add(-1)
			if a := u.upload("a.png", smallPicture); a.status == http.StatusFound {
				u.load.uploaded.Add(1)
			} else if !a.failed() {
				u.load.t.Errorf("upload: %d %s", a.status, a.body)
			}
			time.Sleep(20 * time.Millisecond) // so that some are under way when the end comes
		}
	})
}
