package output_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/output"
)

func TestApplyTree(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("envs/a/x.cue", "1", 0o644)
	write("envs/a/keep.sh", "1", 0o755)
	write("envs/a/values/y.yaml", "1", 0o644)
	write("envs/a/values/gone.yaml", "1", 0o644)
	write("envs/b/z.cue", "1", 0o644)
	changes := []output.Change{
		{Path: "envs/a/x.cue", State: output.Written, New: []byte("2")},
		{Path: "envs/a/values/y.yaml", State: output.Written, New: []byte("2")},
		{Path: "envs/a/values/gone.yaml", State: output.Removed},
		{Path: "envs/a/new/n.yaml", State: output.Written, New: []byte("2")},
		{Path: "envs/a/keep.sh", State: output.Unchanged, New: []byte("other")},
	}
	for _, folder := range []string{"the first time", "with something that can't be linked"} {
		if err := output.ApplyTree(root, "envs/a", changes); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		for name, want := range map[string]string{
			"envs/a/x.cue": "2", "envs/a/keep.sh": "1", "envs/a/values/y.yaml": "2", "envs/a/new/n.yaml": "2", "envs/b/z.cue": "1",
		} {
			if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
				t.Errorf("%s: %s holds %q, %v, not %q", folder, name, got, err, want)
			}
		}
		if _, err := os.Stat(filepath.Join(root, "envs/a/values/gone.yaml")); err == nil {
			t.Errorf("%s: gone.yaml is still there", folder)
		}
		if i, err := os.Stat(filepath.Join(root, "envs/a/keep.sh")); err != nil || i.Mode().Perm() != 0o755 {
			t.Errorf("%s: keep.sh: %v, %v", folder, i, err)
		}
		if remains, _ := filepath.Glob(filepath.Join(root, "envs", ".*")); len(remains) > 0 {
			t.Errorf("%s: remains: %v", folder, remains)
		}
		write("envs/a/values/gone.yaml", "1", 0o644)
		write("envs/a/x.cue", "1", 0o644)
		if err := os.Symlink("x.cue", filepath.Join(root, "envs/a/link")); err != nil && folder == "the first time" {
			t.Fatal(err)
		}
	}
}

// TestApplyTreeRemains has what a killed process left go, wherever it is in the folder,
// even if there is nothing else to do.
func TestApplyTreeRemains(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{".a.999999999.1.gen/x", "a/x", "a/deep/y", "a/deep/.y.999999999.1.gen", "a/.z.999999999.1.gen/x", "a/deep/.mine.gen"} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := output.ApplyTree(root, "a", []output.Change{{Path: "a/x", State: output.Unchanged}}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/deep/.mine.gen", "a/deep/y", "a/x"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
