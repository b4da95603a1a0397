package cli_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/manifests anew")

// TestManifests shows in review what a change of contract or charts does to the
// objects of three environments: one on SQLite, one on the bundled databases, and
// one on those that others run.
func TestManifests(t *testing.T) {
	repo := t.TempDir()
	mustCopyRepository(t, repo)
	for _, env := range []string{"dev", "stage", "prod"} {
		t.Run(env, func(t *testing.T) {
			cmd := exec.Command("gen", "render", "--manifests", env)
			cmd.Dir = repo
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			got, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			golden := filepath.Join("testdata", "manifests", env+".yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("not %s; if that is right, run go test ./gen/cli -run TestManifests -update (-want +got):\n%s", golden, diff)
			}
		})
	}
}
