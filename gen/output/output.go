// Package output brings produced files to the disk: it tells what would change,
// and makes the change so that somebody who looks at any moment, or kills the
// process, finds the old files or the new ones.
package output

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// State says what happens to a file.
type State string

// The states of a file.
const (
	Written   State = "written"
	Unchanged State = "unchanged"
	Removed   State = "removed"
)

// Change is what happens to one file.
type Change struct {
	// Path is relative to the repository's root, with forward slashes.
	Path  string
	State State
	// Old is what is there now, nil if there is nothing; New what will be.
	Old, New []byte
	// Whole tells that the file's folder holds one thing in several files: all
	// changes in it become visible at once.
	Whole bool
}

// Compare returns the change that writing content to a file would be.
func Compare(repo fs.FS, name string, content []byte) (Change, error) {
	old, err := fs.ReadFile(repo, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Change{Path: name, State: Written, New: content}, nil
	case err != nil:
		return Change{}, err
	case bytes.Equal(old, content):
		return Change{Path: name, State: Unchanged, Old: old, New: content}, nil
	default:
		return Change{Path: name, State: Written, Old: old, New: content}, nil
	}
}

// Apply makes the changes below root, and removes what a killed process left in
// the folders of all of them.
func Apply(root string, changes []Change) error {
	byFolder := map[string][]Change{}
	var folders []string
	for _, c := range changes {
		folder := path.Dir(c.Path)
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
		if c.State != Unchanged {
			byFolder[folder] = append(byFolder[folder], c)
		}
	}
	for _, folder := range folders {
		dir := filepath.Join(root, filepath.FromSlash(folder))
		if err := removeRemains(dir); err != nil {
			return err
		}
		if len(byFolder[folder]) == 0 {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := applyFolder(dir, byFolder[folder]); err != nil {
			return fmt.Errorf("writing %s: %w", folder, err)
		}
	}
	return nil
}

// applyFolder makes the changes in one folder.
func applyFolder(dir string, changes []Change) error {
	whole := slices.ContainsFunc(changes, func(c Change) bool { return c.Whole })
	if whole && len(changes) > 1 {
		err := exchange(dir, changes)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		// Without an exchange of folders each file is still old or new.
	}
	for _, c := range changes {
		file := filepath.Join(dir, path.Base(c.Path))
		if c.State == Removed {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := replaceFile(file, c.New); err != nil {
			return err
		}
	}
	removeIfEmpty(dir)
	return nil
}

// exchange builds the folder anew beside the old one and swaps the two.
func exchange(dir string, changes []Change) (err error) {
	next, err := os.MkdirTemp(filepath.Dir(dir), remainsPattern(dir))
	if err != nil {
		return err
	}
	// After the swap, this is what removes the old folder.
	defer func() { err = errors.Join(err, os.RemoveAll(next)) }()
	if err := os.Chmod(next, 0o755); err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, c := range changes {
		changed[path.Base(c.Path)] = true
		if c.State == Removed {
			continue
		}
		if err := writeFile(filepath.Join(next, path.Base(c.Path)), c.New); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if changed[entry.Name()] {
			continue
		}
		if !entry.Type().IsRegular() {
			// A folder inside can't be linked; somebody put it there.
			return errors.ErrUnsupported
		}
		if err := os.Link(filepath.Join(dir, entry.Name()), filepath.Join(next, entry.Name())); err != nil {
			return errors.ErrUnsupported
		}
	}
	return swap(next, dir)
}

// replaceFile gives a file new content, or creates it.
func replaceFile(file string, content []byte) (err error) {
	dir := filepath.Dir(file)
	temp, err := os.CreateTemp(dir, remainsPattern(file))
	if err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if err := writeFile(temp.Name(), content); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// writeFile writes a file that survives a crash of the machine right after.
func writeFile(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	// Produced files are the same everywhere, whatever the umask.
	err = f.Chmod(0o644)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// remainsPattern names what is being written, so that what a killed process left
// can be told from files of others: .NAME.PID.RANDOM.gen
func remainsPattern(name string) string {
	return fmt.Sprintf(".%s.%d.*.gen", filepath.Base(name), os.Getpid())
}

// IsRemains reports whether a file has the name of one that is being written, which a
// killed process leaves behind.
func IsRemains(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".gen") && strings.Count(base, ".") >= 4
}

// removeRemains removes what processes that no longer run left in and beside a
// folder.
func removeRemains(dir string) error {
	beside := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".*.gen")
	inside := filepath.Join(dir, ".*.gen")
	for _, pattern := range []string{beside, inside} {
		remains, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range remains {
			if !isLeft(name) {
				continue
			}
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeRemainsBelow removes what processes that no longer run left anywhere in a
// folder.
func removeRemainsBelow(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !isLeft(name) {
			return err
		}
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// isLeft reports whether a file was left by a process that no longer runs.
func isLeft(name string) bool {
	base := filepath.Base(name)
	parts := strings.Split(base, ".")
	return IsRemains(base) && !isRunning(parts[len(parts)-3])
}

func removeIfEmpty(dir string) {
	// It fails if there is anything in the folder, as it should.
	_ = os.Remove(dir)
}
