package tool

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Sources are the files and folders that gen is built from, relative to the root of
// its module.
var Sources = []string{"go.mod", "go.sum", "gen"}

// kept is the number of programs that stay in the cache; each has some 90 MB.
const kept = 5

// Cache is a folder with programs that were built.
type Cache struct{ Dir string }

// UserCache returns the cache of the user who runs this program.
func UserCache() (Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, fmt.Errorf("looking for a folder to keep programs in: %w", err)
	}
	return Cache{filepath.Join(dir, "towpath", "gen")}, nil
}

// Build returns the gen that the sources in a file system are for, by way of the Go
// command. id tells these sources from all others: with it, they are built once.
//
// Building runs none of their code, and loads the modules that they require, if the
// module cache does not have them. building, if not nil, is called before that starts.
func (c Cache) Build(ctx context.Context, sources fs.FS, id string, building func()) (Program, error) {
	name := "gen"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	key := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join([]string{id, runtime.Version(), runtime.GOOS, runtime.GOARCH}, "\n"))))
	dir := filepath.Join(c.Dir, key[:32])
	program := Program{filepath.Join(dir, name)}
	if _, err := os.Stat(program.Path); err == nil {
		now := time.Now()
		_ = os.Chtimes(dir, now, now) // Then it is thrown out a little sooner.
		return program, nil
	}
	if building != nil {
		building()
	}
	temp, err := os.MkdirTemp("", "gen-sources-")
	if err != nil {
		return Program{}, err
	}
	defer os.RemoveAll(temp)
	if err := copySources(temp, sources); err != nil {
		return Program{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Program{}, err
	}
	// Beside its place, so that renaming it is atomic.
	draft, err := os.CreateTemp(dir, "draft-*"+filepath.Ext(name))
	if err != nil {
		return Program{}, err
	}
	defer os.Remove(draft.Name()) // Nothing is left of it after a rename.
	if err := draft.Close(); err != nil {
		return Program{}, err
	}
	// Without the paths, equal packages come out of Go's build cache wherever they lie.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", draft.Name(), "./gen")
	cmd.Dir = temp
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		return Program{}, errors.New("building gen takes the go command, which is not installed")
	} else if err != nil {
		return Program{}, fmt.Errorf("go build ./gen: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(draft.Name(), program.Path); err != nil {
		return Program{}, err
	}
	c.prune()
	return program, nil
}

// copySources writes the sources to a folder.
func copySources(dir string, sources fs.FS) error {
	for _, name := range Sources {
		err := fs.WalkDir(sources, name, func(name string, d fs.DirEntry, err error) error {
			if err != nil || strings.HasSuffix(name, "_test.go") {
				return err
			}
			target := filepath.Join(dir, filepath.FromSlash(name))
			if d.IsDir() {
				if d.Name() == "testdata" {
					return fs.SkipDir
				}
				return os.MkdirAll(target, 0o755)
			}
			data, err := fs.ReadFile(sources, name)
			if err != nil {
				return err
			}
			return os.WriteFile(target, data, 0o644)
		})
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no %s, so gen can't be built from it", name)
		}
		if err != nil {
			return fmt.Errorf("copying the sources of gen: %w", err)
		}
	}
	return nil
}

// prune throws out the programs that were not used for longest. What goes wrong with
// that costs room, and nothing else.
func (c Cache) prune() {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return
	}
	used := func(e os.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return used(b).Compare(used(a)) })
	for _, e := range entries[min(kept, len(entries)):] {
		_ = os.RemoveAll(filepath.Join(c.Dir, e.Name()))
	}
}
