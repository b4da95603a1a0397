package revision

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"syscall"
)

// comparison looks for files that differ.
type comparison struct {
	from, to fs.FS
	changed  []string
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
	if from == nil && to == nil || c.same(name) {
		return nil
	}
	fromDir, toDir := from != nil && from.IsDir(), to != nil && to.IsDir()
	if from != nil && !fromDir || to != nil && !toDir {
		same, err := c.sameFile(name, from, to)
		if err != nil {
			return err
		}
		if !same {
			c.changed = append(c.changed, name)
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
	for _, sub := range slices.Sorted(maps.Keys(names)) {
		if err := c.compare(path.Join(name, sub)); err != nil {
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

// same reports whether two names are known to be equal without a look at every
// file.
func (c *comparison) same(name string) bool {
	if from, ok := c.from.(*FS); ok {
		return from.Same(c.to, name)
	}
	if to, ok := c.to.(*FS); ok {
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
