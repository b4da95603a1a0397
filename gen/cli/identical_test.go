package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestIdentical renders everything in folders, time zones, locales, with umasks
// and degrees of parallelism of all kinds, and demands the same bytes.
func TestIdentical(t *testing.T) {
	machines := []struct {
		env   []string
		umask string
		jobs  int
		dir   string
	}{
		{[]string{"TZ=UTC", "LANG=C"}, "022", 1, "a"},
		{[]string{"TZ=Asia/Kathmandu", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8"}, "077", 8, "a folder/with blanks"},
		{[]string{"TZ=America/St_Johns", "LANG=de_DE.UTF-8", "GOMAXPROCS=1"}, "000", 3, "ä"},
	}
	var first string
	for _, m := range machines {
		repo := filepath.Join(t.TempDir(), m.dir)
		mustCopyRepository(t, repo)
		// What is there already would hide what would be written.
		for _, produced := range []string{"envs/dev/values", "envs/stage/values", "envs/prod/values", "argocd/dev", "argocd/stage", "argocd/prod", "argocd/projects", "argocd/bootstrap/environments", "charts/service/values.yaml", "charts/service/values.schema.json"} {
			if err := os.RemoveAll(filepath.Join(repo, produced)); err != nil {
				t.Fatal(err)
			}
		}
		script := fmt.Sprintf("umask %s && gen render -j %d && gen render -j %d --manifests && gen check", m.umask, m.jobs, m.jobs)
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), m.env...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s%s", script, err, stdout.String(), stderr.String())
		}
		all := stdout.String() + contents(t, repo)
		if first == "" {
			first = all
			if strings.Count(all, "kind: Deployment") < 3 {
				t.Fatal("the objects are missing from what is compared")
			}
		}
		if all != first {
			t.Errorf("%v, umask %s, %d jobs, in %q: other bytes than with %v", m.env, m.umask, m.jobs, m.dir, machines[0].env)
		}
	}
}

// contents returns every file below a folder with its name, its mode and its
// content.
func contents(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		rel, _ := filepath.Rel(root, name)
		fmt.Fprintf(&all, "%s %v\n%s\n", rel, info.Mode(), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
