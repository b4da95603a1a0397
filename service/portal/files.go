package portal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// maxImage is the largest image, in bytes.
const maxImage = 16 << 20

var (
	errTooLarge = errors.New("the file is too large")
	errFull     = errors.New("there is no room left in the store")
)

// partial marks a file that is still being written.
const partial = ".part"

// staleAfter is the age at which such a file is certain to be the remains of a crash.
const staleAfter = time.Hour

// files keeps the contents of images in one folder, by random names. No part of a path ever
// comes from a client. A file appears under its name whole or not at all.
type files struct {
	dir    string
	create func(path string) (writer, error) // replaced by tests, to run out of room
}

// writer is the part of *os.File that storing needs.
type writer interface {
	io.WriteCloser
	Sync() error
}

func newFiles(dataDir string) *files {
	return &files{
		dir: filepath.Join(dataDir, "images"),
		create: func(path string) (writer, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		},
	}
}

func (f *files) path(id string) string { return filepath.Join(f.dir, id) }

// receive writes a new file from r and returns its id and size in bytes. The file is not visible
// before keep. The error is errTooLarge, errFull, or that of reading or writing; then nothing
// is left behind.
func (f *files) receive(r io.Reader) (id string, size int64, err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", 0, full(fmt.Errorf("make the folder of images: %w", err))
	}
	id = newID()
	path := f.path(id) + partial
	w, err := f.create(path)
	if err != nil {
		return "", 0, full(fmt.Errorf("store an image: %w", err))
	}
	size, err = io.Copy(w, io.LimitReader(r, maxImage+1))
	if err == nil && size > maxImage {
		err = errTooLarge
	}
	if err == nil {
		err = w.Sync()
	}
	if closed := w.Close(); err == nil {
		err = closed
	}
	if err != nil {
		f.discard(id)
		return "", 0, full(fmt.Errorf("store an image: %w", err))
	}
	return id, size, nil
}

// openPartial reads a file that keep has not made visible yet.
func (f *files) openPartial(id string) (*os.File, error) { return os.Open(f.path(id) + partial) }

// keep makes a received file visible.
func (f *files) keep(id string) error {
	if err := os.Rename(f.path(id)+partial, f.path(id)); err != nil {
		return full(fmt.Errorf("store an image: %w", err))
	}
	// The name lasts once the folder does. A file system that cannot do this has done its best.
	if dir, err := os.Open(f.dir); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

func (f *files) open(id string) (*os.File, error) { return os.Open(f.path(id)) }

// discard removes a received file that was not kept.
func (f *files) discard(id string) { os.Remove(f.path(id) + partial) }

// remove removes files; one that is not there is no error.
func (f *files) remove(ids ...string) error {
	var all []error
	for _, id := range ids {
		if err := os.Remove(f.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("remove images: %w", err)
	}
	return nil
}

// sweep removes what a crash left half-written.
func (f *files) sweep(now time.Time) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return // there is no folder yet
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasSuffix(e.Name(), partial) && now.Sub(info.ModTime()) > staleAfter {
			os.Remove(filepath.Join(f.dir, e.Name()))
		}
	}
}

// full recognizes a disk or a quota that is used up, or a limit on the size of files.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return err
}
