package pipeline

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	built     sync.Once
	builtGen  string
	builtWith error
)

// buildGen returns a gen of the working tree, built once for all tests: people edit
// with it, jobs build their own.
func buildGen(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		var dir string
		if dir, builtWith = os.MkdirTemp("", "gen"); builtWith != nil {
			return
		}
		builtGen = filepath.Join(dir, "gen")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", builtGen, "./gen")
		cmd.Dir = Root
		cmd.Env = append(environ(), "HOME="+os.Getenv("HOME"))
		if out, err := cmd.CombinedOutput(); err != nil {
			builtWith = fmt.Errorf("go build ./gen: %w\n%s", err, out)
		}
	})
	if builtWith != nil {
		t.Fatal(builtWith)
	}
	return builtGen
}

// removeBuilt removes what buildGen built, once all tests are done.
func removeBuilt() {
	if builtGen != "" {
		_ = os.RemoveAll(filepath.Dir(builtGen)) // It is in the folder for what may go.
	}
}
