package toolcache

import (
	"debug/buildinfo"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindNothing(t *testing.T) {
	t.Setenv("TOWPATH_TOOLS", t.TempDir())
	for _, tool := range All() {
		if _, err := tool.Find(); !errors.Is(err, ErrMissing) {
			t.Errorf("Find of %s in an empty cache gives %v, want ErrMissing", tool, err)
		}
	}
}

func TestFindWhatIsNoProgram(t *testing.T) {
	dir := t.TempDir()
	place(t, CUE.path(dir), []byte("#!/bin/sh\n"))
	if _, err := CUE.find(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("a script in the place of %s gives %v, want ErrMissing", CUE, err)
	}
}

// The test's own binary serves as a Go program whose package and version are
// known.
func TestFindChecksTheVersion(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	right := Tool{Name: "self", Package: info.Path, Version: info.Main.Version}
	place(t, right.path(dir), data)
	if file, err := right.find(dir); err != nil || file != right.path(dir) {
		t.Errorf("find gives %q, %v; want %q", file, err, right.path(dir))
	}
	other := Tool{Name: "self", Package: info.Path, Version: "v9.9.9"}
	place(t, other.path(dir), data)
	if _, err := other.find(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("a binary of another version gives %v, want ErrMissing", err)
	}
}

func place(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// What gen is compared with must be what it links.
func TestVersionsAreThoseOfTheModule(t *testing.T) {
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []Tool{CUE, Helm318} {
		if !strings.Contains(string(module), "\t"+tool.Module+" "+tool.Version+"\n") {
			t.Errorf("go.mod requires another version of %s than %s", tool.Module, tool.Version)
		}
	}
}

type recorder struct{ skipped, failed bool }

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestRequire(t *testing.T) {
	t.Setenv("TOWPATH_TOOLS", t.TempDir())
	t.Setenv("TOWPATH_REQUIRE_TOOLS", "")
	var r recorder
	CUE.Require(&r)
	if !r.skipped || r.failed {
		t.Errorf("without the tool: %+v, want a skip", r)
	}
	t.Setenv("TOWPATH_REQUIRE_TOOLS", "1")
	r = recorder{}
	CUE.Require(&r)
	if !r.failed {
		t.Errorf("without a tool that is required: %+v, want a failure", r)
	}
}
