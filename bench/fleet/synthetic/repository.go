package synthetic

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
)

// copied are the folders that a fleet has from the repository that it is made from.
var copied = []string{"envs/cue.mod", "envs/contract", "envs/policy", "charts", "argocd/bootstrap"}

// produced is left out of them: it speaks of that repository's environments.
const produced = "argocd/bootstrap/environments"

// Repository is the fleet's repository, in memory. Contract, policy, charts and bootstrap
// come from the repository in from.
func (f Fleet) Repository(from fs.FS) (fstest.MapFS, error) {
	sources, err := f.Sources()
	if err != nil {
		return nil, err
	}
	repo := fstest.MapFS{}
	for name, data := range sources {
		repo[name] = &fstest.MapFile{Data: data}
	}
	for _, dir := range copied {
		err := fs.WalkDir(from, dir, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case name == produced:
				return fs.SkipDir
			case d.IsDir(), strings.HasSuffix(name, ".go"):
				return nil
			}
			data, err := fs.ReadFile(from, name)
			repo[name] = &fstest.MapFile{Data: data}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("copying %s: %w", dir, err)
		}
	}
	return repo, nil
}

// Write writes the fleet's repository to a folder, which must not exist or be empty.
func (f Fleet) Write(from fs.FS, dir string) error {
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty; name a folder that is, or that does not exist", dir)
	}
	repo, err := f.Repository(from)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(repo)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, repo[name].Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
