// Package kept keeps what gen has computed, for the next run to take instead of
// computing it again.
//
// A result is found by everything that it was computed from: the program itself, what
// was asked, and the content of all that was read on the way, its sources. Which
// sources these are is only known once it has been computed, so it is kept too, by
// program and question, in a record: a run that finds them there hashes the sources as they are
// now, and what it then finds, if anything, was computed from just these. Nothing ever
// becomes stale; what is not used for some days is removed.
//
// The files belong to [cache.Cache], made for Go's builds: runs beside each other share
// them, a file is there as a whole or not at all, and one that was damaged is found out
// by its hash, and is as good as none.
package kept

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/cache"
)

// Results are those that are kept for one state of a repository. They can be used from
// many goroutines.
type Results struct {
	// files waits until the folder can be used. Until something is put there, an empty one has nothing to wait for.
	files   func() (*cache.Cache, error)
	isEmpty atomic.Bool
	program []byte
	repo    fs.FS

	mu       sync.Mutex
	digests  map[Source]func() ([]byte, error)
	expected map[string]func() ([]byte, error)
}

// Open returns the results that are kept in a folder, which is made if it is missing.
// The repository is read when a source is first asked for, once.
func Open(dir string, repo fs.FS) (*Results, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keeping results: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("keeping results: %w", err)
	}
	files := sync.OnceValues(func() (*cache.Cache, error) { return cache.Open(dir) })
	isEmpty := len(entries) == 0
	if isEmpty {
		// The cache makes 256 folders, which takes longer than to render a dozen releases.
		go func() { _, _ = files() }() // Put says what was wrong.
	} else if _, err := files(); err != nil {
		return nil, fmt.Errorf("keeping results: %w", err)
	}
	program, err := programID()
	if err != nil {
		return nil, fmt.Errorf("keeping results: %w", err)
	}
	r := &Results{files: files, program: program, repo: repo, digests: map[Source]func() ([]byte, error){}, expected: map[string]func() ([]byte, error){}}
	r.isEmpty.Store(isEmpty)
	return r, nil
}

// Dir returns the folder that results are kept in: $GEN_CACHE, or else towpath/gen in the
// user's cache folder. It is "" if none are to be kept, or there is no place for them.
func Dir(getenv func(string) string) string {
	dir := getenv("GEN_CACHE")
	if dir == "off" {
		return ""
	}
	if dir == "" {
		caches, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(caches, "towpath", "gen")
	}
	return dir
}

// Source is something that a result was computed from.
type Source struct {
	Kind Kind
	// Path is relative to the repository's root.
	Path string
}

// Kind is what of a path counts.
type Kind string

const (
	// File is one file, which may be missing.
	File Kind = "file"
	// Package is the CUE in a folder, not in those below it.
	Package Kind = "package"
	// Tree is a folder with all that is below it.
	Tree Kind = "tree"
)

// Manifests is the question what the releases of an environment's folder render to, in a
// format.
func Manifests(format, folder string) string { return "manifests " + format + " " + folder }

// Get returns the result of a question, if one is kept that was computed from the
// sources as they are.
func (r *Results) Get(question string) (data []byte, ok bool) {
	r.mu.Lock()
	find, isExpected := r.expected[question]
	r.mu.Unlock()
	if !isExpected {
		find = func() ([]byte, error) { return r.find(question) }
	}
	data, err := find()
	return data, err == nil
}

// Expect gets the results of questions that are going to be asked, one after the other,
// so that they are at hand then. Somebody else can ask at the same time.
func (r *Results) Expect(questions []string) {
	for _, question := range questions {
		find := sync.OnceValues(func() ([]byte, error) { return r.find(question) })
		r.mu.Lock()
		r.expected[question] = find
		r.mu.Unlock()
	}
	for _, question := range questions {
		_, _ = r.Get(question)
	}
}

var errNothingKept = errors.New("nothing is kept")

func (r *Results) find(question string) ([]byte, error) {
	if r.isEmpty.Load() {
		return nil, errNothingKept
	}
	files, err := r.files()
	if err != nil {
		return nil, err
	}
	text, _, err := files.GetBytes(r.recordID(question))
	if err != nil {
		return nil, err
	}
	_, sources := parseRecord(text)
	id, err := r.resultID(question, sources)
	if err != nil {
		return nil, err
	}
	data, _, err := files.GetBytes(id)
	return data, err
}

// Last returns the result of a question that was put last, whatever the sources are now:
// some of it may be worth keeping.
func (r *Results) Last(question string) (data []byte, ok bool) {
	if r.isEmpty.Load() {
		return nil, false
	}
	files, err := r.files()
	if err != nil {
		return nil, false
	}
	text, _, err := files.GetBytes(r.recordID(question))
	if err != nil {
		return nil, false
	}
	id, _ := parseRecord(text)
	data, _, err = files.GetBytes(id)
	return data, err == nil
}

// Put keeps the result of a question and the sources that it was computed from.
func (r *Results) Put(question string, sources []Source, data []byte) error {
	id, err := r.resultID(question, sources)
	if err != nil {
		return err
	}
	files, err := r.files()
	if err != nil {
		return fmt.Errorf("keeping a result: %w", err)
	}
	r.isEmpty.Store(false)
	r.mu.Lock()
	delete(r.expected, question)
	r.mu.Unlock()
	if err := files.PutBytes(id, data); err != nil {
		return fmt.Errorf("keeping a result: %w", err)
	}
	if err := files.PutBytes(r.recordID(question), formatRecord(id, sources)); err != nil {
		return fmt.Errorf("keeping a result: %w", err)
	}
	return nil
}

// Trim removes what was not used for some days, at most once a day.
func (r *Results) Trim() error {
	files, err := r.files()
	if err != nil {
		return fmt.Errorf("removing old results: %w", err)
	}
	if err := files.Trim(); err != nil {
		return fmt.Errorf("removing old results: %w", err)
	}
	return nil
}

func (r *Results) recordID(question string) cache.ActionID {
	h := cache.NewHash("record")
	fmt.Fprintf(h, "%x\n%s", r.program, question)
	return h.Sum()
}

func (r *Results) resultID(question string, sources []Source) (cache.ActionID, error) {
	h := cache.NewHash("result")
	fmt.Fprintf(h, "%x\n%q\n", r.program, question)
	for _, source := range sources {
		digest, err := r.Digest(source)
		if err != nil {
			return cache.ActionID{}, err
		}
		fmt.Fprintf(h, "%s %q %x\n", source.Kind, source.Path, digest)
	}
	return h.Sum(), nil
}

// formatRecord returns what is kept of a question: where its last result is, and a line for
// each source that this was computed from.
func formatRecord(result cache.ActionID, sources []Source) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%x\n", result)
	for _, source := range sources {
		fmt.Fprintf(&text, "%s %s\n", source.Kind, source.Path)
	}
	return text.Bytes()
}

func parseRecord(text []byte) (result cache.ActionID, sources []Source) {
	first, rest, _ := strings.Cut(string(text), "\n")
	if len(first) == hex.EncodedLen(len(result)) {
		_, _ = hex.Decode(result[:], []byte(first)) // If it is no place, nothing is found there.
	}
	for line := range strings.Lines(rest) {
		kind, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		sources = append(sources, Source{Kind(kind), name})
	}
	return result, sources
}

// Digest returns a hash of a source as it is now.
func (r *Results) Digest(source Source) ([]byte, error) {
	r.mu.Lock()
	compute, ok := r.digests[source]
	if !ok {
		compute = sync.OnceValues(func() ([]byte, error) { return digest(r.repo, source) })
		r.digests[source] = compute
	}
	r.mu.Unlock()
	return compute()
}

func digest(repo fs.FS, source Source) ([]byte, error) {
	h := sha256.New()
	add := func(name string) error {
		data, err := fs.ReadFile(repo, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d\n", name, len(data))
		h.Write(data)
		return nil
	}
	var err error
	switch source.Kind {
	case File:
		if err = add(source.Path); errors.Is(err, fs.ErrNotExist) {
			h.Write([]byte("missing"))
			err = nil
		}
	case Package:
		var entries []fs.DirEntry
		entries, err = fs.ReadDir(repo, source.Path)
		for _, entry := range entries {
			if err == nil && path.Ext(entry.Name()) == ".cue" {
				err = add(path.Join(source.Path, entry.Name()))
			}
		}
	case Tree:
		err = fs.WalkDir(repo, source.Path, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			// A link is no file, and where it leads to is not read.
			fmt.Fprintf(h, "%s ", d.Type())
			if !d.Type().IsRegular() {
				fmt.Fprintf(h, "%q\n", name)
				return nil
			}
			return add(name)
		})
	default:
		err = fmt.Errorf("no kind of source: %q", source.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("hashing %s: %w", source.Path, err)
	}
	return h.Sum(nil), nil
}

// Sources puts sources in order, each once.
func Sources(sources ...Source) []Source {
	slices.SortFunc(sources, func(a, b Source) int {
		return strings.Compare(a.Path+"\x00"+string(a.Kind), b.Path+"\x00"+string(b.Kind))
	})
	return slices.Compact(sources)
}
