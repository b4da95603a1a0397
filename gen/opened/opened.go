// Package opened holds what a file system in memory gives when it is asked to open
// something: a file with its content, or a folder with its entries.
package opened

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
)

// File returns an open file.
func File(info fs.FileInfo, content []byte) fs.File {
	return &file{bytes.NewReader(content), info}
}

// Folder returns an open folder.
func Folder(info fs.FileInfo, entries []fs.DirEntry) fs.ReadDirFile {
	return &folder{info, entries}
}

type file struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type folder struct {
	info fs.FileInfo
	left []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: errors.New("it is a folder")}
}

// ReadDir returns the next n entries, or all that are left.
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(f.left)
	} else if len(f.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.left))
	entries := slices.Clone(f.left[:n])
	f.left = f.left[n:]
	return entries, nil
}
