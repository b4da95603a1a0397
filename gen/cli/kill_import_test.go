package cli_test

import (
	"bytes"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/environment"
)

// TestImportKilled kills gen import when so and so many of its files have appeared. Each
// file is then the old one or the new one, and the environments are so as a whole; what
// is there is valid, and the same command said again does the rest.
func TestImportKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills gen again and again")
	}
	for _, tt := range []struct {
		name          string
		first, second map[string]string
		args          []string
	}{{
		name:   "new",
		second: map[string]string{"stage": "size: 2\n", "prod": "size: 3\n", "qa": "size: 4\n"},
	}, {
		// The contract's types are made anew, and the old values are none of theirs.
		name:   "anew",
		first:  map[string]string{"stage": "size: 2\n", "prod": "size: 3\n"},
		second: map[string]string{"stage": "size: two\n", "prod": "size: three\n", "qa": "size: four\n"},
		args:   []string{"--force"},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			first := newImporter(t)
			if tt.first != nil {
				first.write(tt.first)
				first.mustRun()
			}
			before := readFiles(t, first.repo)
			last := newImporter(t)
			last.restore(before)
			last.write(tt.second)
			last.mustRun(tt.args...)
			after := readFiles(t, last.repo)
			var changed []string
			for name, text := range after {
				if before[name] != text {
					changed = append(changed, name)
				}
			}
			if len(changed) < 10 {
				t.Fatalf("only %d files change, so that there is hardly a half: %v", len(changed), changed)
			}
			killed := 0
			for n := 1 + rand.N(4); n < len(changed); n += 4 {
				in := newImporter(t)
				in.restore(before)
				in.write(tt.second)
				if in.killAt(n, after, changed, tt.args...) {
					killed++
				}
				in.judge(before, after)
				in.mustRun(tt.args...)
				if got := readFiles(t, in.repo); !maps.Equal(got, after) {
					t.Fatalf("killed at file %d and said again, these are not what they should be: %v", n, unlikeFiles(got, after))
				}
			}
			if killed == 0 {
				t.Error("no run was killed before its end")
			}
		})
	}
}

// importer is a repository with a chart beside it that is to be taken in.
type importer struct {
	t         *testing.T
	repo, dir string
	files     []string
}

func newImporter(t *testing.T) *importer {
	t.Helper()
	in := &importer{t: t, repo: t.TempDir(), dir: t.TempDir()}
	mustCopyRepository(t, in.repo)
	for name, text := range map[string]string{
		"Chart.yaml":          "apiVersion: v2\nname: dot\nversion: 1.0.0\n",
		"values.yaml":         "size: 1\n",
		"templates/one.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {size: {{ .Values.size | quote }}}\n",
		"templates/two.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n",
		"templates/three.tpl": "{{ define \"three\" }}{{ end }}\n",
	} {
		in.put(filepath.Join(in.dir, "chart", name), text)
	}
	return in
}

func (in *importer) put(name, text string) {
	in.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		in.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
}

// write writes a file of values for each environment.
func (in *importer) write(values map[string]string) {
	in.t.Helper()
	in.files = nil
	for _, env := range slices.Sorted(maps.Keys(values)) {
		name := filepath.Join(in.dir, "values-"+env+".yaml")
		in.put(name, values[env])
		in.files = append(in.files, "--env", env+"="+name)
	}
}

// restore makes the repository hold the given files.
func (in *importer) restore(files map[string]string) {
	in.t.Helper()
	for name, text := range files {
		in.put(filepath.Join(in.repo, name), text)
	}
}

func (in *importer) command(args ...string) *exec.Cmd {
	cmd := exec.Command("gen", slices.Concat([]string{"import", filepath.Join(in.dir, "chart")}, in.files, args)...)
	cmd.Dir = in.repo
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd
}

func (in *importer) mustRun(args ...string) {
	in.t.Helper()
	cmd := in.command(args...)
	if err := cmd.Run(); err != nil {
		in.t.Fatalf("gen import: %v\n%s", err, cmd.Stdout)
	}
}

// killAt kills gen import as soon as n of the changed files are there, and reports
// whether it was still running.
func (in *importer) killAt(n int, after map[string]string, changed []string, args ...string) bool {
	in.t.Helper()
	cmd := in.command(args...)
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	waiting := slices.Clone(changed)
	for len(changed)-len(waiting) < n {
		select {
		case err := <-done:
			if err != nil {
				in.t.Fatalf("gen import: %v\n%s", err, cmd.Stdout)
			}
			return false
		default:
		}
		waiting = slices.DeleteFunc(waiting, func(name string) bool {
			text, err := os.ReadFile(filepath.Join(in.repo, name))
			return err == nil && string(text) == after[name]
		})
	}
	_ = cmd.Process.Kill() // It may have ended by now.
	<-done
	return !cmd.ProcessState.Exited()
}

// judge says what a killed run has left half.
func (in *importer) judge(before, after map[string]string) {
	in.t.Helper()
	// What is being written has a name that nobody reads.
	got := readFiles(in.t, in.repo)
	maps.DeleteFunc(got, func(name, _ string) bool { return strings.Contains(name, ".gen") })
	for name, text := range got {
		if text != before[name] && text != after[name] {
			in.t.Fatalf("%s is neither old nor new:\n%s", name, text)
		}
	}
	// An environment is its files and the contract's.
	old := inFolders(before, "envs/")
	if now := inFolders(got, "envs/"); !maps.Equal(now, old) && !maps.Equal(now, inFolders(after, "envs/")) {
		in.t.Fatalf("the environments are half old and half new; these are not old: %v", unlikeFiles(now, old))
	}
	repo := os.DirFS(in.repo)
	names, err := environment.Names(repo)
	if err != nil {
		in.t.Fatal(err)
	}
	if _, err := environment.Load(repo, names); err != nil {
		in.t.Fatalf("what a killed run has left is invalid: %v", err)
	}
}

// readFiles returns the contents of all files below a folder, by their path in it.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func inFolders(files map[string]string, prefix string) map[string]string {
	some := maps.Clone(files)
	maps.DeleteFunc(some, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
	return some
}

// unlikeFiles returns the names of the files that two folders do not both have alike.
func unlikeFiles(a, b map[string]string) []string {
	unlike := map[string]bool{}
	for _, files := range []map[string]string{a, b} {
		for name := range files {
			x, inA := a[name]
			y, inB := b[name]
			if x != y || inA != inB {
				unlike[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(unlike))
}
