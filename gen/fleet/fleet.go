// Package fleet renders many environments, with any number of releases, in bounded
// memory: what was kept from earlier runs is taken, and the rest is loaded, rendered and
// let go again batch by batch, some batches at once.
package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/memory"
	"gitlab.com/towpath/towpath/gen/render"
)

// Options are how to render.
type Options struct {
	// Jobs is how many releases are rendered at once.
	Jobs int
	// Encode writes the objects of a release, and Format names what it does: texts of
	// one format are not taken for those of another.
	Encode func([]manifest.Object) ([]byte, error)
	Format string
	// Kept are the results of earlier runs, nil if none are to be used. They and Render
	// have to read the same snapshot.
	Kept *kept.Results
	// Load loads folders, if not as [environment.LoadFolders] does.
	Load func([]environment.Folder) (map[environment.Folder]*environment.Environment, map[environment.Folder][]string, error)
	// Progress is told what has been done. It may be nil.
	Progress func(Progress)
	// Timings collects where the time goes. It may be nil.
	Timings *Timings
}

// Progress is how far the work has got.
type Progress struct {
	// Releases are rendered, in Folders of Total.
	Releases, Folders, Total int
	// Part is the part of the work that is done, from 0 to 1.
	Part float64
}

// Text is what a release renders to.
type Text struct {
	Environment, Team, Release string
	Text                       []byte
}

// Timings is where the time went. Durations are those of all goroutines together, but
// for Total.
type Timings struct {
	mu sync.Mutex
	// Kept counts the folders whose results were there, Rendered the others.
	Kept     int `json:"foldersKept"`
	Rendered int `json:"foldersRendered"`
	Releases int `json:"releases"`
	// Seconds by step, in the order of the flow: find, load, values, render, encode,
	// keep, write.
	Find   float64 `json:"findSeconds"`
	Load   float64 `json:"loadSeconds"`
	Render float64 `json:"renderSeconds"`
	Encode float64 `json:"encodeSeconds"`
	Keep   float64 `json:"keepSeconds"`
	Write  float64 `json:"writeSeconds"`
	Total  float64 `json:"totalSeconds"`
}

// since adds the time since start to a step.
func (t *Timings) since(start time.Time, step func(*Timings) *float64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	*step(t) += time.Since(start).Seconds()
}

// batchBytes is how much CUE text is loaded at once, at least a folder: some hundred
// releases, which takes a hundred times as long as what each batch repeats, compiling
// the contract.
const batchBytes = 192 << 10

// heldBytes is how much text is held until everything is known to be right. What is
// beyond it is read from the kept results again.
const heldBytes = 32 << 20

// fleet is a rendering under way.
type fleet struct {
	Options
	repo     fs.FS
	renderer *render.Renderer
	shelves  []*shelf
	held     atomic.Int64
	releases atomic.Int64
	done     atomic.Int64
	bytes    atomic.Int64
	total    int64
}

// shelf is a folder and what its releases render to.
type shelf struct {
	folder environment.Folder
	size   int64
	// texts are nil while they are kept elsewhere.
	texts    []Text
	names    []string
	findings finding.List
}

// Render renders the releases of the named environments and hands them to write, in a
// stable order: by environment, the environment's own before those of its teams, by
// name. If anything is wrong with any of them, nothing is written, and the error is a
// [finding.List].
func Render(repo fs.FS, names []string, o Options, write func(Text) error) error {
	started := time.Now()
	f := &fleet{Options: o, repo: repo, renderer: render.New(repo)}
	if f.Options.Load == nil {
		f.Options.Load = func(folders []environment.Folder) (map[environment.Folder]*environment.Environment, map[environment.Folder][]string, error) {
			return environment.LoadFolders(repo, folders)
		}
	}
	folders, err := environment.Folders(repo, names)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		s := &shelf{folder: folder}
		if s.size, err = textSize(repo, folder.Path()); err != nil {
			return err
		}
		f.total += s.size
		f.shelves = append(f.shelves, s)
	}
	missing := f.find()
	if len(missing) > 0 {
		f.renderer.Prefetch()
	}
	if err := f.renderAll(missing); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := f.write(write); err != nil {
		return err
	}
	o.Timings.since(started, func(t *Timings) *float64 { return &t.Total })
	return nil
}

// textSize returns how much CUE stands in a folder.
func textSize(repo fs.FS, dir string) (int64, error) {
	entries, err := fs.ReadDir(repo, dir)
	if err != nil {
		return 0, fmt.Errorf("listing %s: %w", dir, err)
	}
	var size int64
	for _, entry := range entries {
		if path.Ext(entry.Name()) != ".cue" {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return 0, fmt.Errorf("listing %s: %w", dir, err)
		}
		size += info.Size()
	}
	return size, nil
}

// find takes what is kept, and returns the rest.
func (f *fleet) find() (missing []*shelf) {
	start := time.Now()
	defer f.Timings.since(start, func(t *Timings) *float64 { return &t.Find })
	if f.Kept == nil {
		return f.shelves
	}
	var group errgroup.Group
	group.SetLimit(f.Jobs)
	found := make([]bool, len(f.shelves))
	for i, s := range f.shelves {
		group.Go(func() error {
			data, ok := f.Kept.Get(f.question(s))
			if !ok {
				return nil
			}
			texts, err := unpack(s.folder, data)
			if err != nil {
				return nil //nolint:nilerr // It is rendered again.
			}
			found[i] = true
			f.put(s, texts, true)
			return nil
		})
	}
	_ = group.Wait() // What can't be read is missing.
	for i, s := range f.shelves {
		if !found[i] {
			missing = append(missing, s)
		}
	}
	if f.Timings != nil {
		f.Timings.Kept = len(f.shelves) - len(missing)
	}
	return missing
}

func (f *fleet) question(s *shelf) string {
	return "manifests " + f.Format + " " + s.folder.Path()
}

// put puts texts on a shelf, or only their names if they are kept and there is no more
// room.
func (f *fleet) put(s *shelf, texts []Text, isKept bool) {
	size := 0
	for _, text := range texts {
		s.names = append(s.names, text.Release)
		size += len(text.Text)
	}
	if f.held.Add(int64(size)) <= heldBytes || !isKept {
		s.texts = texts
	}
	f.report(len(texts), s)
}

func (f *fleet) report(releases int, s *shelf) {
	p := Progress{
		Releases: int(f.releases.Add(int64(releases))), Folders: int(f.done.Add(1)), Total: len(f.shelves),
		Part: float64(f.bytes.Add(s.size)) / float64(max(f.total, 1)),
	}
	if f.Progress != nil {
		f.Progress(p)
	}
}

// renderAll renders shelves, batch by batch.
func (f *fleet) renderAll(missing []*shelf) error {
	if f.Timings != nil {
		f.Timings.Rendered = len(missing)
	}
	if f.total > 2*batchBytes {
		memory.Batches()
	}
	var group errgroup.Group
	// While one batch is loaded, which is one goroutine's work unless there are many
	// folders in it, another one is rendered.
	group.SetLimit(runtime.GOMAXPROCS(0))
	for len(missing) > 0 {
		n, size := 1, missing[0].size
		for n < len(missing) && size+missing[n].size <= batchBytes {
			size += missing[n].size
			n++
		}
		batch := missing[:n]
		missing = missing[n:]
		group.Go(func() error { return f.renderBatch(batch) })
	}
	return group.Wait()
}

func (f *fleet) renderBatch(batch []*shelf) error {
	var folders []environment.Folder
	for _, s := range batch {
		folders = append(folders, s.folder)
	}
	start := time.Now()
	loaded, files, err := f.Options.Load(folders)
	f.Timings.since(start, func(t *Timings) *float64 { return &t.Load })
	if err != nil {
		// It says of each finding which environment it is about; they are joined and
		// sorted in the end.
		findings, rest := finding.From(err)
		if rest != nil {
			return rest
		}
		batch[0].findings = findings
		return nil
	}
	for _, s := range batch {
		env := loaded[s.folder]
		texts, err := f.releasesOf(s, env)
		if err != nil {
			return err
		}
		if len(s.findings) > 0 {
			continue
		}
		isKept := false
		if f.Kept != nil {
			start := time.Now()
			// A disk that is full costs the next run time, and this one nothing.
			isKept = f.Kept.Put(f.question(s), f.sources(env, files[s.folder]), pack(texts)) == nil
			f.Timings.since(start, func(t *Timings) *float64 { return &t.Keep })
		}
		f.put(s, texts, isKept)
	}
	return nil
}

// releasesOf renders the releases of a folder.
func (f *fleet) releasesOf(s *shelf, env *environment.Environment) ([]Text, error) {
	texts := make([]Text, len(env.Releases))
	errs := make([]error, len(env.Releases))
	var group errgroup.Group
	group.SetLimit(f.Jobs)
	for i, release := range env.Releases {
		group.Go(func() error {
			start := time.Now()
			objects, err := f.renderer.Release(env, release)
			f.Timings.since(start, func(t *Timings) *float64 { return &t.Render })
			texts[i] = Text{Environment: env.Name, Team: s.folder.Team, Release: release.Name}
			if errs[i] = err; err == nil {
				start = time.Now()
				texts[i].Text, errs[i] = f.Encode(objects)
				f.Timings.since(start, func(t *Timings) *float64 { return &t.Encode })
			}
			return nil
		})
	}
	_ = group.Wait() // Each release keeps its own error, so that all are reported.
	for _, err := range errs {
		found, rest := finding.From(err)
		if rest != nil {
			return nil, rest
		}
		s.findings = append(s.findings, found...)
	}
	if f.Timings != nil {
		f.Timings.mu.Lock()
		f.Timings.Releases += len(texts)
		f.Timings.mu.Unlock()
	}
	return texts, nil
}

// sources returns what the releases of a folder were rendered from: the packages of
// CUE with all that may belong to them, the charts, and the approval record.
func (f *fleet) sources(env *environment.Environment, files []string) []kept.Source {
	// What is vendored wins over what is not, so it counts even when it is not there.
	sources := []kept.Source{{Kind: kept.Tree, Path: path.Join(environment.Dir, "cue.mod")}}
	for _, file := range files {
		if path.Ext(file) != ".cue" {
			sources = append(sources, kept.Source{Kind: kept.File, Path: file})
			continue
		}
		// Files of the same package above a folder belong to it.
		for dir := path.Dir(file); strings.HasPrefix(dir+"/", environment.Dir+"/"); dir = path.Dir(dir) {
			sources = append(sources, kept.Source{Kind: kept.Package, Path: dir})
		}
	}
	for _, release := range env.Releases {
		sources = append(sources, kept.Source{Kind: kept.Tree, Path: path.Join(chart.Dir, release.Chart)})
	}
	if _, follows := env.ApprovalBranch(); follows {
		sources = append(sources, kept.Source{Kind: kept.File, Path: env.ApprovalFile()})
	}
	return kept.Sources(sources...)
}

// check returns what is wrong with the releases, one by one and with each other.
func (f *fleet) check() error {
	var findings finding.List
	for _, s := range f.shelves {
		for _, found := range s.findings {
			// Two batches may hold folders of one environment, and both say what is
			// wrong with that.
			if !slices.ContainsFunc(findings, func(known finding.Finding) bool { return isSame(known, found) }) {
				findings = append(findings, found)
			}
		}
	}
	if len(findings) > 0 {
		return findings.Sort()
	}
	taken := map[[2]string]bool{}
	for _, s := range f.shelves {
		for _, name := range s.names {
			key := [2]string{s.folder.Environment, name}
			if !taken[key] {
				taken[key] = true
				continue
			}
			// Loading the environment as a whole tells where both are.
			if _, err := environment.Load(f.repo, []string{s.folder.Environment}); err != nil {
				return err
			}
			return fmt.Errorf("environment %s has two releases %s", s.folder.Environment, name)
		}
	}
	return nil
}

func isSame(a, b finding.Finding) bool {
	return a.Position == b.Position && a.Rule == b.Rule && a.Message == b.Message && a.Release == b.Release
}

// write hands on the texts in order.
func (f *fleet) write(write func(Text) error) error {
	start := time.Now()
	defer f.Timings.since(start, func(t *Timings) *float64 { return &t.Write })
	for _, s := range f.shelves {
		texts := s.texts
		if texts == nil {
			var err error
			if texts, err = f.again(s); err != nil {
				return err
			}
		}
		for _, text := range texts {
			if err := write(text); err != nil {
				return err
			}
		}
		s.texts = nil
	}
	return nil
}

// again returns texts that were not held: as they are kept or, if somebody has removed
// that in the meantime, rendered once more.
func (f *fleet) again(s *shelf) ([]Text, error) {
	if data, ok := f.Kept.Get(f.question(s)); ok {
		if texts, err := unpack(s.folder, data); err == nil {
			return texts, nil
		}
	}
	loaded, _, err := f.Options.Load([]environment.Folder{s.folder})
	if err != nil {
		return nil, err
	}
	texts, err := f.releasesOf(s, loaded[s.folder])
	if err == nil && len(s.findings) > 0 {
		err = s.findings.Sort()
	}
	return texts, err
}

// pack returns texts as one: for each a line with its length and release, then itself.
func pack(texts []Text) []byte {
	size := 0
	for _, text := range texts {
		size += len(text.Text) + len(text.Release) + len("1234567 \n")
	}
	packed := bytes.NewBuffer(make([]byte, 0, size))
	for _, text := range texts {
		fmt.Fprintf(packed, "%d %s\n", len(text.Text), text.Release)
		packed.Write(text.Text)
	}
	return packed.Bytes()
}

var errPacked = errors.New("the kept result is in another form")

func unpack(folder environment.Folder, packed []byte) ([]Text, error) {
	texts := []Text{}
	for len(packed) > 0 {
		line, rest, ok := bytes.Cut(packed, []byte("\n"))
		var size int
		var release string
		if _, err := fmt.Sscanf(string(line), "%d %s", &size, &release); err != nil || !ok || size < 0 || size > len(rest) {
			return nil, errPacked
		}
		texts = append(texts, Text{folder.Environment, folder.Team, release, rest[:size]})
		packed = rest[size:]
	}
	return texts, nil
}
