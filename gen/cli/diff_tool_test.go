package cli_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestFromTool runs scripts in a copy of [repository] that has the sources of gen as
// well, which the scripts change and build.
func TestFromTool(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds gen from changed sources")
	}
	// The build cache is the user's, lest every run compiles Helm and CUE.
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN").Output()
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&variables); err != nil {
		t.Fatal(err)
	}
	params := scripts("testdata/tool")
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		if err := setup(env); err != nil {
			return err
		}
		for name, value := range variables {
			env.Setenv(name, value)
		}
		env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache")) // and so os.UserCacheDir
		return copySources(env.WorkDir)
	}
	testscript.Run(t, params)
}

// copySources writes what gen is built from to a folder.
func copySources(dir string) error {
	root := filepath.Join("..", "..")
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	sources := os.DirFS(filepath.Join(root, "gen"))
	return fs.WalkDir(sources, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, "gen", filepath.FromSlash(name))
		switch {
		case d.IsDir() && d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case strings.HasSuffix(name, "_test.go"):
			return nil
		}
		data, err := fs.ReadFile(sources, name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
