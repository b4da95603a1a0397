package suite

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// aside is a test that runs beside others, as a process of its own that is this program again. It has its own clone of
// the repository. While it runs nobody else may push to main.
type aside struct {
	name    string
	rows    string // The file to which it writes its rows.
	process *exec.Cmd
	said    bytes.Buffer
	ended   chan error
}

// besides is the test that runs beside others now, or nil.
var besides *aside

// rowsFile is set in a process that is an aside.
var rowsFile = flag.String("rows", "", "file for what was tried, as JSON: the run is a part of another")

// wholeSuite tells whether all tests run. Who names some wants those, one after the other.
func wholeSuite() bool {
	return flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && here.isOwn()
}

// startAside starts a test. [join] has to follow.
func startAside(t *testing.T, name string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "towpath-aside-")
	if err != nil {
		t.Fatal(err)
	}
	a := &aside{name: name, rows: filepath.Join(folder, "rows.json"), ended: make(chan error, 1)}
	a.process = exec.Command(program, "-test.run=^"+name+"$", "-test.timeout=30m", "-test.v", "-dir", *dir, "-rows", a.rows)
	a.process.Stdout, a.process.Stderr = &a.said, &a.said
	if err := a.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.ended <- a.process.Wait() }()
	besides = a
}

// join waits for the test if it was started aside, takes its rows, and fails if it has failed.
func join(t *testing.T) (joined bool) {
	t.Helper()
	a := besides
	if a == nil || a.name != t.Name() {
		return false
	}
	start := time.Now()
	err := <-a.ended
	besides = nil
	defer os.RemoveAll(filepath.Dir(a.rows))
	t.Logf("waited %s for what ran aside:\n%s", seconds(time.Since(start)), a.said.String())
	if err != nil {
		t.Errorf("it failed: %v", err)
	}
	more, err := readRows(a.rows)
	if err != nil {
		t.Fatal(err)
	}
	rows = append(rows, more...)
	git(t, "pull", "--quiet", "--ff-only", "origin", "main") // It has pushed from its own clone.
	return true
}

// stopAside ends what runs aside and nobody has waited for.
func stopAside() {
	if besides == nil {
		return
	}
	_ = besides.process.Process.Kill()
	<-besides.ended
	_ = os.RemoveAll(filepath.Dir(besides.rows))
}

// ownClone gives a process that is an aside a clone of its own.
func ownClone(folder string) error {
	origin, err := tryRun(nil, "git", "remote", "get-url", "origin")
	if err != nil {
		return err
	}
	clone := filepath.Join(folder, "repository")
	if _, err := tryRun(nil, "git", "clone", "--quiet", origin, clone); err != nil {
		return err
	}
	here.clone = clone
	return nil
}

// writeRows writes what was tried for the run that this one is a part of.
func writeRows(file string) error {
	data, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// readRows reads what a part of this run has tried.
func readRows(file string) ([]row, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var more []row
	err = json.Unmarshal(data, &more)
	return more, err
}
