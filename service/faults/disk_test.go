//go:build linux

package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// disk is a disk that can be full.
type disk struct {
	dir  string // as the test sees it
	fill func() // until nothing more fits
	free func()
	// database is the status of a change to the database while it is full.
	database int
}

// On a full disk an upload, a note and a person are refused with words that say so, and nothing is
// half-stored. What was there is still served, and once there is room all is as before.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for name, launch := range map[string]func(testing.TB) (*clitest.Process, *disk){
		"tmpfs": launchOnTmpfs, // the real thing, where the kernel lets us mount one
		"limit": launchLimited, // works for everybody
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := launch(t)
			p.Listening(t)
			diskFull(t, "http://"+p.Addr, d)
		})
	}
}

func diskFull(t *testing.T, base string, d *disk) {
	l := &load{t: t, stopped: make(chan struct{}), people: newLedger(), notes: newLedger()}
	l.base.Store(base)
	l.fullStatus = d.database
	ann := &writer{client: newClient(l), load: l, name: "TEST"}
	ann.cookie = sessionOf(ann.post("/login", "id", "TEST", "pw", "123456"))
	register := newRegistrar(l, 1)
	picture := noise(t, 300) // a good 250 KB, which don't compress

	if a := ann.upload("before.png", picture); a.status != 302 {
		t.Fatalf("an upload with room: %d %s", a.status, a.body)
	}
	before := ann.images(t)
	for range 20 {
		register.create()
	}
	files := d.files(t)
	if len(before) != 1 || len(files) != 1 || l.wrote.Load() != 20 {
		t.Fatalf("before: images %v, files %v, %d people", before, files, l.wrote.Load())
	}

	d.fill()
	for i := range 5 {
		if a := ann.upload(fmt.Sprintf("full%d.png", i), picture); a.status != 507 {
			t.Errorf("an upload without room: %d %s", a.status, a.body)
		}
	}
	// The database has some room of its own left in its files.
	clitest.Eventually(t, "a full database", func() bool { register.create(); return l.full.Load() >= 15 })
	ann.post("/write_note", "text_note_to_take", strings.Repeat("no room ", 2000))
	if now := d.files(t); len(now) != 1 || now[0] != files[0] {
		t.Errorf("files of images are %v, were %v", now, files)
	}
	alive(t, base)
	for _, path := range []string{"/", "/people", "/public/"} {
		if status, body := get(t, base+path); status != 200 {
			t.Errorf("%s on a full disk: %d %s", path, status, body)
		}
	}
	if now := ann.images(t); len(now) != 1 {
		t.Errorf("images are %v, were %v", now, before)
	}
	if a := ann.send("GET", before[0], "", "", "Cookie", ann.cookie); a.status != 200 || a.body != string(picture) {
		t.Errorf("the earlier image: %d, %d bytes", a.status, len(a.body))
	}

	d.free()
	clitest.Eventually(t, "an upload to be stored again", func() bool { return ann.upload("after.png", picture).status == 302 })
	wrote := l.wrote.Load()
	for range 20 {
		register.create()
	}
	if now := l.wrote.Load(); now != wrote+20 {
		t.Errorf("with room again only %d of 20 people are stored", now-wrote)
	}
	ann.write()
	if now, files := ann.images(t), d.files(t); len(now) != 2 || len(files) != 2 {
		t.Errorf("in the end: images %v, files %v", now, files)
	}
	expect(t, base, "/readyz", 200)
	l.people.kept(t, "people", l.register())
}

// files are those of images, half-written ones included.
func (d *disk) files(t testing.TB) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(d.dir, "images"))
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// launchOnTmpfs gives the service a small file system in a mount namespace of its own, which is
// gone as soon as the service is.
func launchOnTmpfs(t testing.TB) (*clitest.Process, *disk) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("/bin/sh", "-c", `mount -t tmpfs -o size=4m tmpfs "$DATA_DIR" && exec service`)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin:/usr/bin:/bin",
		"HOST=127.0.0.1", "PORT=0", "METRICS_PORT=0", "DATA_DIR=" + dir, "SEED_DEMO=true"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if why := mayMount(cmd); why != "" {
		t.Skip("the kernel does not let us mount a file system: " + why)
	}
	p := clitest.Start(t, cmd)
	d := &disk{dir: filepath.Join("/proc", strconv.Itoa(p.Process.Pid), "root", dir), database: 507}
	filler := filepath.Join(d.dir, "filler")
	d.fill = func() {
		file, err := os.OpenFile(filler, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for err == nil {
			_, err = file.Write(make([]byte, 4096))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	d.free = func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	return p, d
}

// mayMount tries it, and gives the reason why not.
func mayMount(like *exec.Cmd) string {
	try := exec.Command("/bin/sh", "-c", `mount -t tmpfs tmpfs "$DATA_DIR"`)
	try.Env, try.SysProcAttr = like.Env, like.SysProcAttr
	if out, err := try.CombinedOutput(); err != nil {
		return strings.TrimSpace(err.Error() + " " + string(out))
	}
	return ""
}

// launchLimited lets no file of the service grow beyond a size, from some moment on: there is no
// room for an image. SQLite calls that an I/O error, of a disk that may just as well be broken.
func launchLimited(t testing.TB) (*clitest.Process, *disk) {
	t.Helper()
	dir := t.TempDir()
	p := clitest.Launch(t, "DATA_DIR="+dir, "SEED_DEMO=true")
	limit := func(bytes uint64) {
		var old unix.Rlimit
		err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, nil, &old)
		if err == nil {
			err = unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: min(bytes, old.Max), Max: old.Max}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return p, &disk{dir: dir, database: 500,
		fill: func() { limit(100 << 10) }, free: func() { limit(unix.RLIM_INFINITY) }}
}
