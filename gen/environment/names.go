package environment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Dir is the folder of the CUE module that holds contract, policy and a folder
// per environment, relative to the repository's root.
const Dir = "envs"

// reserved are the folders of the module that are no environments.
var reserved = []string{"contract", "cue.mod", "policy", "teams"}

// Names returns the names of all environments of the repository, ordered.
func Names(repo fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(repo, Dir)
	if err != nil {
		return nil, fmt.Errorf("listing environments: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(reserved, name) {
			continue
		}
		files, err := fs.Glob(repo, path.Join(Dir, name, "*.cue"))
		if err != nil {
			return nil, fmt.Errorf("listing environments: %w", err)
		}
		if len(files) > 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

// Resolve returns the environments that args name, each by its name or by the
// path of its folder (prod, envs/prod, ./envs/prod/). No args means all.
func Resolve(repo fs.FS, args []string) ([]string, error) {
	all, err := Names(repo)
	if err != nil {
		return nil, err
	}
	return Select(all, args)
}

// Select is Resolve among the given names.
func Select(all, args []string) ([]string, error) {
	if len(args) == 0 {
		return all, nil
	}
	var names []string
	for _, arg := range args {
		name := strings.TrimPrefix(path.Clean(strings.ReplaceAll(arg, `\`, "/")), Dir+"/")
		if !slices.Contains(all, name) {
			return nil, &UnknownError{Name: arg, Known: all}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// UnknownError reports a name that no environment has.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("no environment %q; there are %s", e.Name, strings.Join(e.Known, ", "))
	if near := finding.DidYouMean(path.Base(e.Name), e.Known); near != "" {
		text += "; " + near
	}
	return text
}

// ErrNoRepository says how to get out of the wrong folder.
var ErrNoRepository = errors.New("no envs/cue.mod/module.cue in this folder or one above: change into the repository, or name it with -C")

// FindRoot returns the repository's root: the nearest folder, from dir upwards,
// that holds the CUE module of environments.
func FindRoot(dir string) (string, error) {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, Dir, "cue.mod", "module.cue")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", ErrNoRepository
		}
	}
}
