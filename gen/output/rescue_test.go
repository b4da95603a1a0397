package output

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRescue saves a file as editors do, by a rename, into a folder that is about to
// be swapped away.
func TestRescue(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write := func(dir, name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(from, "kept", "1")
	write(from, "saved", "1")
	write(from, "changed", "1")
	changed := map[string]bool{"changed": true}
	if err := linkTree(from, to, changed); err != nil {
		t.Fatal(err)
	}
	write(to, "changed", "2")
	write(from, "saved.tmp", "mine")
	if err := os.Rename(filepath.Join(from, "saved.tmp"), filepath.Join(from, "saved")); err != nil {
		t.Fatal(err)
	}
	write(from, "new", "mine")
	if err := rescue(from, to, changed); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"kept": "1", "saved": "mine", "new": "mine", "changed": "2"} {
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, not %q", name, got, err, want)
		}
	}
}
