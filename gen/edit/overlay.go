package edit

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/opened"
)

// Overlay is a state of the repository with some files changed, in memory: what an
// edit would lead to can be loaded, rendered and checked before anything is written.
type Overlay struct {
	Base fs.FS
	// Files are the new contents by path; nil removes a file.
	Files map[string][]byte
}

var (
	_ fs.ReadDirFS  = Overlay{}
	_ fs.ReadFileFS = Overlay{}
	_ fs.StatFS     = Overlay{}
	_ fs.ReadLinkFS = Overlay{}
)

// Open opens a file or a folder.
func (o Overlay) Open(name string) (fs.File, error) {
	found, err := o.Stat(name)
	if err != nil {
		return nil, err
	}
	if !found.IsDir() {
		if content, ok := o.Files[name]; ok {
			return opened.File(found, content), nil
		}
		return o.Base.Open(name)
	}
	entries, err := o.ReadDir(name)
	return opened.Folder(found, entries), err
}

// ReadFile returns a file.
func (o Overlay) ReadFile(name string) ([]byte, error) {
	content, ok := o.Files[name]
	switch {
	case !ok:
		return fs.ReadFile(o.Base, name)
	case content == nil:
		return nil, missing("open", name)
	}
	return bytes.Clone(content), nil
}

// Stat describes a file or a folder.
func (o Overlay) Stat(name string) (fs.FileInfo, error) { return o.stat(name, fs.Stat) }

// Lstat describes a file, a folder or a symbolic link.
func (o Overlay) Lstat(name string) (fs.FileInfo, error) { return o.stat(name, fs.Lstat) }

// ReadLink returns where a symbolic link of the base leads to.
func (o Overlay) ReadLink(name string) (string, error) {
	if _, ok := o.Files[name]; ok {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return fs.ReadLink(o.Base, name)
}

func (o Overlay) stat(name string, base func(fs.FS, string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if content, ok := o.Files[name]; ok {
		if content == nil {
			return nil, missing("stat", name)
		}
		return info{path.Base(name), int64(len(content)), 0o444}, nil
	}
	found, err := base(o.Base, name)
	if errors.Is(err, fs.ErrNotExist) && len(o.below(name)) > 0 {
		return info{path.Base(name), 0, fs.ModeDir | 0o555}, nil
	}
	return found, err
}

// ReadDir lists a folder.
func (o Overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.Base, name)
	added := o.below(name)
	if err != nil && (len(added) == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		_, changed := o.Files[path.Join(name, e.Name())]
		return changed || slices.ContainsFunc(added, func(i info) bool { return i.name == e.Name() })
	})
	for _, i := range added {
		entries = append(entries, i)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// below returns the files and folders that the changed files make in a folder.
func (o Overlay) below(dir string) []info {
	var all []info
	for name, content := range o.Files {
		rest, ok := strings.CutPrefix(name, dir+"/")
		if dir == "." {
			rest, ok = name, true
		}
		if !ok || content == nil {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		one := info{first, int64(len(content)), 0o444}
		if deeper {
			one = info{first, 0, fs.ModeDir | 0o555}
		}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// info describes a changed file, or a folder. It is its own directory entry.
type info struct {
	name string
	size int64
	mode fs.FileMode
}

func (i info) Name() string               { return i.name }
func (i info) Size() int64                { return i.size }
func (i info) Mode() fs.FileMode          { return i.mode }
func (i info) Type() fs.FileMode          { return i.mode.Type() }
func (i info) IsDir() bool                { return i.mode.IsDir() }
func (i info) ModTime() time.Time         { return time.Time{} }
func (i info) Sys() any                   { return nil }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
