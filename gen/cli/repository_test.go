package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/produce"
)

// repository is what the tests of the command line work on: contract, policy,
// charts and bootstrap of this repository, with environments of their own from
// testdata/envs. So a merge request that changes a value of prod breaks no test.
var repository = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "gen")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join("..", "..")
	for to, from := range map[string]string{
		"envs/contract":    filepath.Join(root, "envs/contract"),
		"envs/policy":      filepath.Join(root, "envs/policy"),
		"envs/cue.mod":     filepath.Join(root, "envs/cue.mod"),
		"envs/dev":         "testdata/envs/dev",
		"envs/stage":       "testdata/envs/stage",
		"envs/prod":        "testdata/envs/prod",
		"charts":           filepath.Join(root, "charts"),
		"argocd/bootstrap": filepath.Join(root, "argocd/bootstrap"),
	} {
		if err := copyTree(filepath.Join(dir, to), from); err != nil {
			return nil, err
		}
	}
	// What is produced for this repository's environments.
	if err := os.RemoveAll(filepath.Join(dir, "argocd/bootstrap/environments")); err != nil {
		return nil, err
	}
	repo := os.DirFS(dir)
	names, err := environment.Names(repo)
	if err != nil {
		return nil, err
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		return nil, err
	}
	produced, err := produce.Shared(repo, set.Environments)
	if err != nil {
		return nil, err
	}
	for _, env := range set.Environments {
		mine, err := produce.Environment(env)
		if err != nil {
			return nil, err
		}
		produced = append(produced, mine...)
	}
	files := map[string][]byte{}
	for _, file := range produced {
		files[file.Path] = file.Content
	}
	err = fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || files[name] != nil {
			return err
		}
		files[name], err = fs.ReadFile(repo, name)
		return err
	})
	return files, err
})

// copyRepository writes the repository of the tests to a folder.
func copyRepository(dir string) error {
	files, err := repository()
	if err != nil {
		return err
	}
	for name, data := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func mustCopyRepository(t *testing.T, dir string) {
	t.Helper()
	if err := copyRepository(dir); err != nil {
		t.Fatal(err)
	}
}
