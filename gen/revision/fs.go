package revision

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/opened"
)

// FS is the repository at one commit. Files are as the commit has them: line ends
// are not converted, and no filter has touched them, as Argo CD reads them too.
//
// What a commit has only a reference to is refused when it is read: the files of
// a submodule, of Git LFS, and those behind a symbolic link that leaves the
// repository.
type FS struct {
	// Commit is the full id.
	Commit string

	repo *Repository
	root string // id of the tree
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// Errors of files that a commit does not hold.
var (
	errSubmodule = errors.New("it is in a submodule, whose files another repository holds; copy them into this one")
	errLFS       = errors.New("the commit holds a pointer of Git LFS instead of the file, and Argo CD may too; store the file in Git itself")
	errOutside   = errors.New("the symbolic link leads out of the repository; put the file itself there")
	errLoop      = errors.New("too many symbolic links")
)

// maxLinks is the number of symbolic links that a path may lead over.
const maxLinks = 40

// lfs is how every pointer of Git LFS begins.
var lfs = []byte("version https://git-lfs.github.com/spec/v1\n")

// find returns the entry at a path. Symbolic links on the way are followed, the
// last one only if follow is set.
func (f *FS) find(name string, follow bool) (entry, error) {
	at := entry{name: ".", mode: modeTree, id: f.root}
	rest := strings.Split(name, "/")
	if name == "." {
		rest = nil
	}
	where := "."
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		dir, err := f.repo.tree(at)
		if err != nil {
			return entry{}, err
		}
		next, ok := dir.find(part)
		if !ok {
			return entry{}, fs.ErrNotExist
		}
		if next.mode != modeLink || len(rest) == 0 && !follow {
			at, where = next, path.Join(where, part)
			continue
		}
		if links++; links > maxLinks {
			return entry{}, errLoop
		}
		target, err := f.repo.link(next)
		if err != nil {
			return entry{}, err
		}
		target = path.Join(where, target)
		if !fs.ValidPath(target) {
			return entry{}, errOutside
		}
		// From the top again, as the target may hold links itself.
		at, where = entry{name: ".", mode: modeTree, id: f.root}, "."
		if target != "." {
			rest = append(strings.Split(target, "/"), rest...)
		}
	}
	at.name = path.Base(name)
	return at, nil
}

func (f *FS) lookup(op, name string, follow bool) (entry, error) {
	if !fs.ValidPath(name) {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, err := f.find(name, follow)
	if err != nil {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return at, nil
}

// Open opens a file or a folder.
func (f *FS) Open(name string) (fs.File, error) {
	at, err := f.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	if at.isDir() {
		entries, err := f.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return opened.Folder(info{f.repo, at}, entries), nil
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return opened.File(info{f.repo, at}, data), nil
}

// ReadFile returns a file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	at, err := f.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	data, err := f.repo.file(at)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return bytes.Clone(data), nil
}

// ReadDir lists a folder.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := f.lookup("open", name, true)
	if err != nil {
		return nil, err
	}
	dir, err := f.repo.tree(at)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errors.New("it is not a folder")
		}
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	entries := make([]fs.DirEntry, len(dir))
	for i, e := range dir {
		entries[i] = info{f.repo, e}
	}
	return entries, nil
}

// Stat describes a file, or what a symbolic link leads to.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	at, err := f.lookup("stat", name, true)
	if err != nil {
		return nil, err
	}
	return info{f.repo, at}, nil
}

// Lstat describes a file, or a symbolic link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	at, err := f.lookup("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return info{f.repo, at}, nil
}

// ReadLink returns where a symbolic link leads to.
func (f *FS) ReadLink(name string) (string, error) {
	at, err := f.lookup("readlink", name, false)
	if err == nil && at.mode != modeLink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	if err != nil {
		return "", err
	}
	return f.repo.link(at)
}

// file returns the content of a file.
func (r *Repository) file(e entry) ([]byte, error) {
	switch {
	case e.mode == modeSubmodule:
		return nil, errSubmodule
	case e.isDir():
		return nil, errors.New("it is a folder")
	}
	blob, err := r.git.ask(e.id)
	var missing *missingError
	switch {
	case errors.As(err, &missing):
		return nil, lacks(e.id)
	case err != nil:
		return nil, err
	case blob.size > int64(len(blob.data)):
		return nil, fmt.Errorf("the file has %d MiB, and gen reads none beyond %d MiB", blob.size>>20, maxFile>>20)
	case bytes.HasPrefix(blob.data, lfs):
		return nil, errLFS
	}
	return blob.data, nil
}

// link returns where a symbolic link leads to, relative to its folder.
func (r *Repository) link(e entry) (string, error) {
	target, err := r.file(e)
	if err != nil {
		return "", err
	}
	if path.IsAbs(string(target)) {
		return "", errOutside
	}
	return string(target), nil
}

// info describes an entry. It is its own directory entry.
type info struct {
	repo *Repository
	entry
}

func (i info) Name() string { return i.name }
func (i info) IsDir() bool  { return i.isDir() }

func (i info) Mode() fs.FileMode {
	switch i.mode {
	case modeTree, modeSubmodule:
		return fs.ModeDir | 0o555
	case modeLink:
		return fs.ModeSymlink | 0o777
	case modeExecutable:
		return 0o555
	}
	return 0o444
}

func (i info) Type() fs.FileMode          { return i.Mode().Type() }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) Sys() any                   { return nil }
func (i info) String() string             { return fs.FormatFileInfo(i) }

// ModTime is not known: a commit is a state, whenever it was made.
func (i info) ModTime() time.Time { return time.Time{} }

// Size reads the file, as a tree does not have it. It is 0 for one that can't be
// read, which reading it will tell.
func (i info) Size() int64 {
	if i.isDir() {
		return 0
	}
	data, err := i.repo.file(i.entry)
	if err != nil {
		return 0
	}
	return int64(len(data))
}
