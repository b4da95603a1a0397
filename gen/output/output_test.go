package output_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/output"
)

// tree returns the files below a folder with their contents.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(root, name)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func fill(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestApply(t *testing.T) {
	tests := []struct {
		name    string
		before  map[string]string
		changes []output.Change
		want    map[string]string
	}{{
		name:    "a new file in a new folder",
		changes: []output.Change{{Path: "a/b/c", State: output.Written, New: []byte("1")}},
		want:    map[string]string{"a/b/c": "1"},
	}, {
		name:   "a whole folder, beside a file of somebody else",
		before: map[string]string{"v/x": "old", "v/y": "old", "v/z": "old", "v/mine": "mine"},
		changes: []output.Change{
			{Path: "v/x", State: output.Written, New: []byte("new"), Whole: true},
			{Path: "v/y", State: output.Removed, Whole: true},
			{Path: "v/z", State: output.Unchanged, Whole: true},
			{Path: "v/w", State: output.Written, New: []byte("new"), Whole: true},
		},
		want: map[string]string{"v/x": "new", "v/z": "old", "v/w": "new", "v/mine": "mine"},
	}, {
		name:   "a whole folder with a folder inside",
		before: map[string]string{"v/x": "old", "v/sub/y": "old"},
		changes: []output.Change{
			{Path: "v/x", State: output.Written, New: []byte("new"), Whole: true},
			{Path: "v/w", State: output.Written, New: []byte("new"), Whole: true},
		},
		want: map[string]string{"v/x": "new", "v/w": "new", "v/sub/y": "old"},
	}, {
		name:    "the last file of a folder",
		before:  map[string]string{"v/x": "old", "w": "old"},
		changes: []output.Change{{Path: "v/x", State: output.Removed}},
		want:    map[string]string{"w": "old"},
	}, {
		name:    "what a process left that no longer runs",
		before:  map[string]string{"v/x": "old", ".v.999999999.1.gen/x": "half", "v/.x.999999999.1.gen": "half", "v/.mine.gen": "mine"},
		changes: []output.Change{{Path: "v/x", State: output.Unchanged}},
		want:    map[string]string{"v/x": "old", "v/.mine.gen": "mine"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			fill(t, root, tt.before)
			if err := output.Apply(root, tt.changes); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tree(t, root)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Join(root, "v")); err == nil && len(tt.want) == 1 && tt.want["w"] != "" {
				t.Error("the empty folder is still there")
			}
		})
	}
}

// TestApplyFails makes writing fail in the middle, and finds what was there.
func TestApplyFails(t *testing.T) {
	root := t.TempDir()
	before := map[string]string{"v/x": "old", "v/y": "old"}
	fill(t, root, before)
	long := strings.Repeat("n", 300) // No file system takes such a name.
	err := output.Apply(root, []output.Change{
		{Path: "v/x", State: output.Written, New: []byte("new"), Whole: true},
		{Path: "v/" + long, State: output.Written, New: []byte("new"), Whole: true},
	})
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestApplyMode(t *testing.T) {
	root := t.TempDir()
	fill(t, root, map[string]string{"x": "old"})
	if err := output.Apply(root, []output.Change{{Path: "x", State: output.Written, New: []byte("new")}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o644 {
		t.Errorf("mode %o, not 644", got)
	}
}
