package output

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ApplyTree is [Apply] for changes that all lie below one folder, which become
// visible at once: the folder is built anew beside the old one, from links to what
// stays, and the two are swapped. Where folders can't be swapped, each file is old
// or new. What killed processes left anywhere in the folder or beside it goes, even if
// there is nothing to change.
//
// A process that stands in the folder afterwards stands in one that is gone.
func ApplyTree(root, folder string, changes []Change) error {
	dir := filepath.Join(root, filepath.FromSlash(folder))
	if err := errors.Join(removeRemains(dir), removeRemainsBelow(dir)); err != nil {
		return err
	}
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.State != Unchanged }) {
		return nil
	}
	err := exchangeTree(dir, folder, changes)
	if errors.Is(err, errors.ErrUnsupported) {
		return Apply(root, changes)
	}
	return err
}

func exchangeTree(dir, folder string, changes []Change) (err error) {
	next, err := os.MkdirTemp(filepath.Dir(dir), remainsPattern(dir))
	if err != nil {
		return err
	}
	// After the swap, this is what removes the old folder.
	defer func() { err = errors.Join(err, os.RemoveAll(next)) }()
	changed := map[string]bool{}
	for _, c := range changes {
		if c.State != Unchanged {
			changed[filepath.FromSlash(strings.TrimPrefix(c.Path, folder+"/"))] = true
		}
	}
	if err := linkTree(dir, next, changed); err != nil {
		return err
	}
	for _, c := range changes {
		if c.State != Written {
			continue
		}
		name := filepath.Join(next, filepath.FromSlash(strings.TrimPrefix(c.Path, folder+"/")))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := writeFile(name, c.New); err != nil {
			return err
		}
	}
	if err := swap(next, dir); err != nil {
		return err
	}
	return rescue(next, dir, changed)
}

// rescue brings what somebody has saved into the old folder, after it was linked and
// before it was swapped, to the new one.
func rescue(from, to string, without map[string]bool) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil || without[rel] {
			return err
		}
		saved, err := os.Stat(name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if kept, err := os.Stat(target); err == nil && os.SameFile(saved, kept) {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.Rename(name, target)
	})
}

// linkTree makes a folder that holds what another one does, but for some files.
func linkTree(from, to string, without map[string]bool) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			i, err := d.Info()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(target, 0o755); err != nil {
				return err
			}
			return os.Chmod(target, i.Mode().Perm())
		case without[rel]:
			return nil
		case d.Type().IsRegular():
			if os.Link(name, target) != nil {
				return errors.ErrUnsupported
			}
			return nil
		default:
			return errors.ErrUnsupported // Somebody put something else there.
		}
	})
}
