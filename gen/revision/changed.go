package revision

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// Changed returns the paths of files below the folders that differ between two
// states, ordered. A file that is on one side only counts.
func Changed(from, to fs.FS, dirs ...string) ([]string, error) {
	c := comparison{from: from, to: to}
	c.aside.SetLimit(runtime.GOMAXPROCS(0))
	var failed error
	for _, dir := range dirs {
		failed = errors.Join(failed, c.start(dir))
	}
	if err := errors.Join(failed, c.aside.Wait()); err != nil {
		return nil, err
	}
	slices.Sort(c.changed)
	return c.changed, nil
}

// comparison looks for files that differ.
type comparison struct {
	from, to fs.FS
	// aside compares some of what is found, while the rest is looked at.
	aside errgroup.Group

	mu      sync.Mutex
	changed []string
}

// start compares a file or a folder aside, or here if there is no room for more.
func (c *comparison) start(name string) error {
	compare := func() error { return c.compare(name) }
	if c.aside.TryGo(compare) {
		return nil
	}
	return compare()
}

// compare compares a file or a folder, which may be missing on either side.
func (c *comparison) compare(name string) error {
	from, err := stat(c.from, name)
	if err != nil {
		return err
	}
	to, err := stat(c.to, name)
	if err != nil {
		return err
	}
	fromDir, toDir := from != nil && from.IsDir(), to != nil && to.IsDir()
	if from == nil && to == nil || c.same(name, fromDir || toDir) {
		return nil
	}
	if from != nil && !fromDir || to != nil && !toDir {
		same, err := c.sameFile(name, from, to)
		if err != nil {
			return err
		}
		if !same {
			c.mu.Lock()
			c.changed = append(c.changed, name)
			c.mu.Unlock()
		}
	}
	names := map[string]bool{}
	for _, side := range []struct {
		repo fs.FS
		dir  bool
	}{{c.from, fromDir}, {c.to, toDir}} {
		if !side.dir {
			continue
		}
		entries, err := fs.ReadDir(side.repo, name)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			names[entry.Name()] = true
		}
	}
	for sub := range names {
		if err := c.start(path.Join(name, sub)); err != nil {
			return err
		}
	}
	return nil
}

// stat returns what there is, or nil for nothing.
func stat(repo fs.FS, name string) (fs.FileInfo, error) {
	info, err := fs.Stat(repo, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // A file is where the folder was.
		return nil, nil
	}
	return info, err
}

// same reports whether two names are known to be equal by their ids. For a folder that no
// commit holds that means to read all of it, and again what is below it if one file differs.
func (c *comparison) same(name string, isDir bool) bool {
	from, isFrom := c.from.(*FS)
	to, isTo := c.to.(*FS)
	switch {
	case isDir && !(isFrom && isTo):
		return false
	case isFrom:
		return from.Same(c.to, name)
	case isTo:
		return to.Same(c.from, name)
	}
	return false
}

func (c *comparison) sameFile(name string, from, to fs.FileInfo) (bool, error) {
	if from == nil || to == nil || from.IsDir() || to.IsDir() {
		return false, nil
	}
	before, err := fs.ReadFile(c.from, name)
	if err != nil {
		return false, err
	}
	after, err := fs.ReadFile(c.to, name)
	return bytes.Equal(before, after), err
}
