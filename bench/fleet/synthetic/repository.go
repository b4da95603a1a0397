package synthetic

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// copied are the folders that a fleet has from the repository that it is made from.
var copied = []string{"envs/cue.mod", "envs/contract", "envs/policy", "charts", "argocd/bootstrap"}

// produced is left out of them: it speaks of that repository's environments.
const produced = "argocd/bootstrap/environments"

// Files are all files of the fleet's repository, by path. Contract, policy, charts
// and bootstrap come from the repository in from.
func (f Fleet) Files(from fs.FS) (map[string][]byte, error) {
	files, err := f.Sources()
	if err != nil {
		return nil, err
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
			files[name], err = fs.ReadFile(from, name)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("copying %s: %w", dir, err)
		}
	}
	return files, nil
}

// Write writes the fleet's repository to a folder, which must not exist or be empty.
func (f Fleet) Write(from fs.FS, dir string) error {
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty; name a folder that is, or that does not exist", dir)
	}
	files, err := f.Files(from)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}
