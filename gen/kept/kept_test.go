package kept

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/cache"
)

var sources = Sources(
	Source{File, "envs/prod/approval.yaml"},
	Source{Package, "envs/prod"},
	Source{Tree, "charts/boat"},
	Source{Package, "envs/prod"}, // Twice.
)

func repository() fstest.MapFS {
	return fstest.MapFS{
		"envs/prod/env.cue":          {Data: []byte("name: \"prod\"\n")},
		"envs/prod/values/boat.yaml": {Data: []byte("produced: 1\n")},
		"charts/boat/Chart.yaml":     {Data: []byte("name: boat\n")},
		"charts/boat/templates/a":    {Data: []byte("a\n")},
	}
}

func open(t *testing.T, dir string, repo fs.FS) *Results {
	t.Helper()
	r, err := Open(dir, repo)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGetOfEmptyFolder asks a folder that was empty when it was opened: what was put since is there for the same run.
func TestGetOfEmptyFolder(t *testing.T) {
	r := open(t, t.TempDir(), repository())
	if data, ok := r.Get("render prod"); ok {
		t.Errorf("before anything was put, there is %q", data)
	}
	if err := r.Put("render prod", sources, []byte("the result")); err != nil {
		t.Fatal(err)
	}
	if data, ok := r.Get("render prod"); !ok || string(data) != "the result" {
		t.Errorf("what was put is not there, but %q", data)
	}
}

// TestGet asks for a result after changes of what it was computed from, and of what it
// was not.
func TestGet(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir, repository()).Put("render prod", sources, []byte("the result")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change   func(fstest.MapFS)
		question string
		found    bool
	}{
		"nothing":          {func(fstest.MapFS) {}, "render prod", true},
		"another question": {func(fstest.MapFS) {}, "render stage", false},
		"a file's content": {func(m fstest.MapFS) { m["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte("name: \"prod\" \n")} }, "render prod", false},
		"a file more":      {func(m fstest.MapFS) { m["envs/prod/more.cue"] = &fstest.MapFile{} }, "render prod", false},
		"a file less":      {func(m fstest.MapFS) { delete(m, "charts/boat/templates/a") }, "render prod", false},
		"a missing file":   {func(m fstest.MapFS) { m["envs/prod/approval.yaml"] = &fstest.MapFile{} }, "render prod", false},
		"a file's name":    {func(m fstest.MapFS) { m["envs/prod/x.cue"] = m["envs/prod/env.cue"]; delete(m, "envs/prod/env.cue") }, "render prod", false},
		"a link for a file": {func(m fstest.MapFS) {
			m["charts/boat/templates/a"] = &fstest.MapFile{Data: []byte("a\n"), Mode: fs.ModeSymlink}
		}, "render prod", false},
		"what is produced":    {func(m fstest.MapFS) { m["envs/prod/values/boat.yaml"] = &fstest.MapFile{} }, "render prod", true},
		"another chart":       {func(m fstest.MapFS) { m["charts/raft/Chart.yaml"] = &fstest.MapFile{} }, "render prod", true},
		"a folder that's off": {func(m fstest.MapFS) { delete(m, "charts/boat/templates/a"); delete(m, "charts/boat/Chart.yaml") }, "render prod", false},
	} {
		t.Run(name, func(t *testing.T) {
			repo := repository()
			test.change(repo)
			data, found := open(t, dir, repo).Get(test.question)
			if found != test.found || found && string(data) != "the result" {
				t.Errorf("found %t: %q", found, data)
			}
		})
	}
}

// TestBothAreKept goes back and forth between two states.
func TestBothAreKept(t *testing.T) {
	dir := t.TempDir()
	one, other := repository(), repository()
	other["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte("other")}
	for _, state := range []struct {
		repo fs.FS
		data string
	}{{one, "one"}, {other, "other"}} {
		if err := open(t, dir, state.repo).Put("q", sources, []byte(state.data)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if data, ok := open(t, dir, one).Get("q"); !ok || string(data) != "one" {
			t.Errorf("found %t: %q", ok, data)
		}
		if data, ok := open(t, dir, other).Get("q"); !ok || string(data) != "other" {
			t.Errorf("found %t: %q", ok, data)
		}
	}
}

// TestDamaged changes and cuts each file of the cache, in turn.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(data []byte) []byte { return data[:len(data)-1] },
		"empty":   func([]byte) []byte { return nil },
		"changed": func(data []byte) []byte { data = bytes.Clone(data); data[len(data)/2] ^= 1; return data },
		"longer":  func(data []byte) []byte { return append(bytes.Clone(data), 'x') },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			damaged := 0
			put := func() {
				if err := open(t, dir, repository()).Put("q", sources, []byte("the result")); err != nil {
					t.Fatal(err)
				}
			}
			put()
			var files []string
			err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
				if ext := filepath.Ext(file); err == nil && !d.IsDir() && ext != ".txt" && d.Name() != "README" {
					files = append(files, file)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				before, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				after := damage(before)
				if bytes.Equal(before, after) {
					continue
				}
				if err := os.WriteFile(file, after, 0o600); err != nil {
					t.Fatal(err)
				}
				damaged++
				if data, ok := open(t, dir, repository()).Get("q"); ok && string(data) != "the result" {
					t.Errorf("with %s %s, it gives %q", filepath.Base(file), name, data)
				}
				put()
				if data, ok := open(t, dir, repository()).Get("q"); !ok || string(data) != "the result" {
					t.Errorf("%s was %s, and is not mended: %t, %q", filepath.Base(file), name, ok, data)
				}
			}
			if damaged < 4 {
				t.Errorf("only %d of %q were damaged", damaged, files)
			}
		})
	}
}

// TestSnapshot changes a file after it was read.
func TestSnapshot(t *testing.T) {
	repo := repository()
	s := NewSnapshot(repo)
	before, err := fs.ReadFile(s, "envs/prod/env.cue")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := fs.ReadDir(s, "envs/prod")
	if err != nil {
		t.Fatal(err)
	}
	repo["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte("changed")}
	repo["envs/prod/more.cue"] = &fstest.MapFile{}
	after, err := fs.ReadFile(s, "envs/prod/env.cue")
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("it was %q and is %q, %v", before, after, err)
	}
	again, err := fs.ReadDir(s, "envs/prod")
	if err != nil || !slices.EqualFunc(listed, again, func(a, b fs.DirEntry) bool { return a.Name() == b.Name() }) {
		t.Errorf("the folder had %v and has %v, %v", listed, again, err)
	}
	if err := fstest.TestFS(NewSnapshot(repository()), "envs/prod/env.cue", "charts/boat/Chart.yaml"); err != nil {
		t.Error(err)
	}
}

// TestProgram holds that the program is known by more than its name.
func TestProgram(t *testing.T) {
	id, err := programID()
	if err != nil || len(id) < 16 {
		t.Errorf("the program is %q, %v", id, err)
	}
	again, err := programID()
	if err != nil || !bytes.Equal(id, again) {
		t.Errorf("the program is %q and %q, %v", id, again, err)
	}
}

// TestSnapshotError asks twice for what is not there. [fs.Sub], in which CUE loads
// packages, shortens the path in the error that it gets; the next one who asks gets the
// whole path again.
func TestSnapshotError(t *testing.T) {
	s := NewSnapshot(repository())
	envs, err := fs.Sub(s, "envs")
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(repo fs.FS, name string) error{
		"folder": func(repo fs.FS, name string) error { _, err := fs.ReadDir(repo, name); return err },
		"file":   func(repo fs.FS, name string) error { _, err := fs.ReadFile(repo, name); return err },
	} {
		t.Run(name, func(t *testing.T) {
			for _, try := range []struct {
				in         fs.FS
				name, want string
			}{{envs, "gone", "gone"}, {s, "envs/gone", "envs/gone"}, {envs, "gone", "gone"}} {
				var at *fs.PathError
				if err := read(try.in, try.name); !errors.As(err, &at) {
					t.Fatalf("error is %v, not one with a path", err)
				}
				if at.Path != try.want {
					t.Errorf("the error names %q, not %q", at.Path, try.want)
				}
			}
		})
	}
}

// TestExpect asks questions that were expected, from several goroutines, and again after a new answer.
func TestExpect(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir, repository()).Put("render prod", sources, []byte("the result")); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir, repository())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { r.Expect([]string{"render prod", "render stage"}) })
		group.Go(func() {
			if data, ok := r.Get("render prod"); !ok || string(data) != "the result" {
				t.Errorf("prod is %q, %v", data, ok)
			}
			if data, ok := r.Get("render stage"); ok {
				t.Errorf("stage is %q", data)
			}
		})
	}
	group.Wait()
	if err := r.Put("render stage", sources, []byte("another")); err != nil {
		t.Fatal(err)
	}
	if data, ok := r.Get("render stage"); !ok || string(data) != "another" {
		t.Errorf("stage is %q, %v after it was put", data, ok)
	}
}

// TestLast asks for a result whose sources have changed since.
func TestLast(t *testing.T) {
	dir := t.TempDir()
	repo := repository()
	last := func() (string, bool) {
		data, ok := open(t, dir, repo).Last("render prod")
		return string(data), ok
	}
	if data, ok := last(); ok {
		t.Errorf("before anything was put, there is %q", data)
	}
	for _, result := range []string{"one", "another"} {
		repo["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte(result)}
		if err := open(t, dir, repo).Put("render prod", sources, []byte(result)); err != nil {
			t.Fatal(err)
		}
	}
	repo["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte("changed")}
	if data, ok := open(t, dir, repo).Get("render prod"); ok {
		t.Errorf("it gives %q, though a source has changed", data)
	}
	if data, ok := last(); !ok || data != "another" {
		t.Errorf("the last result is %q, %t", data, ok)
	}
	if data, ok := open(t, dir, repo).Last("render stage"); ok {
		t.Errorf("a question that nobody asked has the result %q", data)
	}
}

// TestParseRecord reads records that are none.
func TestParseRecord(t *testing.T) {
	for _, text := range []string{"", "\n", "12\n", strings.Repeat("0", 1000), "package envs/prod\n"} {
		if id, sources := parseRecord([]byte(text)); id != (cache.ActionID{}) || len(sources) > 0 {
			t.Errorf("%.20q is result %x of %v", text, id, sources)
		}
	}
}
