package kept

import (
	"bytes"
	"io/fs"
	"slices"
	"sync"

	"gitlab.com/towpath/towpath/gen/opened"
)

// Snapshot is a file system that goes on giving what it gave at first. A file that
// changes while gen runs would otherwise be hashed in one state and evaluated in the
// other, and the result kept under the wrong hash.
type Snapshot struct {
	from    fs.FS
	files   memory[[]byte]
	folders memory[[]fs.DirEntry]
}

var (
	_ fs.ReadDirFS  = (*Snapshot)(nil)
	_ fs.ReadFileFS = (*Snapshot)(nil)
	_ fs.StatFS     = (*Snapshot)(nil)
	_ fs.ReadLinkFS = (*Snapshot)(nil)
)

// NewSnapshot returns a snapshot of a file system, taken file by file as they are read.
func NewSnapshot(from fs.FS) *Snapshot { return &Snapshot{from: from} }

// memory remembers the first answer to each question. An error is handed out as a copy,
// as [fs.Sub] writes to the one that it gets.
type memory[T any] struct {
	mu      sync.Mutex
	answers map[string]func() (T, error)
}

func (m *memory[T]) get(name string, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	answer, ok := m.answers[name]
	if !ok {
		if m.answers == nil {
			m.answers = map[string]func() (T, error){}
		}
		answer = sync.OnceValues(ask)
		m.answers[name] = answer
	}
	m.mu.Unlock()
	given, err := answer()
	if at, ok := err.(*fs.PathError); ok { //nolint:errorlint // fs.Sub looks no deeper either.
		own := *at
		err = &own
	}
	return given, err
}

// content returns what a file holds, which is not to be written to.
func (s *Snapshot) content(name string) ([]byte, error) {
	return s.files.get(name, func() ([]byte, error) { return fs.ReadFile(s.from, name) })
}

// ReadFile returns a file.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	content, err := s.content(name)
	return bytes.Clone(content), err
}

// ReadDir lists a folder.
func (s *Snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := s.folders.get(name, func() ([]fs.DirEntry, error) { return fs.ReadDir(s.from, name) })
	return slices.Clone(entries), err
}

// Stat describes a file or a folder as it is now.
func (s *Snapshot) Stat(name string) (fs.FileInfo, error) { return fs.Stat(s.from, name) }

// Lstat describes a file, a folder or a symbolic link as it is now.
func (s *Snapshot) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(s.from, name) }

// ReadLink returns where a symbolic link leads to.
func (s *Snapshot) ReadLink(name string) (string, error) { return fs.ReadLink(s.from, name) }

// Open opens a file or a folder.
func (s *Snapshot) Open(name string) (fs.File, error) {
	info, err := s.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		entries, err := s.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return opened.Folder(info, entries), nil
	}
	content, err := s.content(name)
	if err != nil {
		return nil, err
	}
	return opened.File(info, content), nil
}
