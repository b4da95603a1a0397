// Package fleet renders many environments, with any number of releases, in bounded
// memory: what was kept from earlier runs is taken, and the rest is loaded, rendered and
// let go again batch by batch, some batches at once.
package fleet

import (
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/parallel"
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
	// Load loads folders, nil if as [environment.Loader] does.
	Load Loader
	// Progress is told what has been done. It may be nil.
	Progress func(Progress)
	// Timings collects where the time goes. It may be nil.
	Timings *Timings
}

// Loader loads folders as [environment.Loader.Folders] does.
type Loader func([]environment.Folder) (map[environment.Folder]*environment.Environment, map[environment.Folder][]string, error)

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
	// Text is for the time of the call that it is handed to.
	Text []byte
}

// fleet is a rendering under way.
type fleet struct {
	Options
	repo     fs.FS
	renderer *render.Renderer
	shelves  []*shelf
	releases atomic.Int64
	done     atomic.Int64
	bytes    atomic.Int64
	total    int64
}

// shelf is a folder and what its releases render to, held until everything is known to be
// right.
type shelf struct {
	folder   environment.Folder
	size     int64     // of its CUE, in bytes
	written  time.Time // when some of it was, last
	isDone   bool      // It was found or rendered, or that was tried.
	packed   packed
	findings finding.List
}

// Render renders the releases of the named environments and hands them to write, in a
// stable order: by environment, the environment's own before those of its teams, by
// name. If anything is wrong with any of them, nothing is written, and the error is a
// [finding.List].
func Render(repo fs.FS, names []string, o Options, write func(Text) error) error {
	started := time.Now()
	f := &fleet{Options: o, repo: repo, renderer: render.New(repo)}
	if f.Load == nil {
		f.Load = environment.NewLoader(repo).Folders
	}
	folders, err := environment.Folders(repo, names)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		s := &shelf{folder: folder}
		if s.size, s.written, err = folder.Written(repo); err != nil {
			return err
		}
		f.total += s.size
		f.shelves = append(f.shelves, s)
	}
	if err := f.fill(); err != nil {
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

// fewNewest is how many folders are looked for before all others.
const fewNewest = 8

// fill finds what is kept, and renders the rest.
//
// Who changes a release waits for that one. Its folder is the one that was written last,
// so that it is known at once to be missing, and is rendered while the others are found.
func (f *fleet) fill() error {
	byAge := slices.Clone(f.shelves)
	slices.SortStableFunc(byAge, func(a, b *shelf) int { return b.written.Compare(a.written) })
	few := min(fewNewest, len(byAge))
	f.find(byAge[:few])
	var group errgroup.Group
	// Where all of them are missing, so are most others: they are better rendered together.
	if some := missing(byAge[:few]); len(some) < few {
		group.Go(func() error { return f.renderAll(some) })
	}
	f.find(byAge[few:])
	if err := group.Wait(); err != nil {
		return err
	}
	return f.renderAll(missing(f.shelves))
}

// missing returns those of the shelves that are not done.
func missing(shelves []*shelf) []*shelf {
	return slices.DeleteFunc(slices.Clone(shelves), func(s *shelf) bool { return s.isDone })
}

// find fills the shelves for which there is something kept.
func (f *fleet) find(shelves []*shelf) {
	start := time.Now()
	defer f.Timings.since(start, func(t *Timings) *float64 { return &t.Find })
	if f.Kept == nil {
		return
	}
	parallel.Each(f.Jobs, len(shelves), func(i int) {
		s := shelves[i]
		data, ok := f.Kept.Get(f.question(s))
		if !ok {
			return
		}
		packed, err := parsePacked(data)
		if err != nil {
			return // It is rendered again.
		}
		f.put(s, packed)
		f.Timings.count(func(t *Timings) *int { return &t.Kept }, 1)
	})
}

func (f *fleet) question(s *shelf) string { return kept.Manifests(f.Format, s.folder.Path()) }

// put puts on a shelf what its releases render to.
func (f *fleet) put(s *shelf, p packed) {
	s.packed, s.isDone = p, true
	f.report(len(p.releases), s)
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
		for _, name := range s.packed.releases {
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

// write hands on the texts in order. While those of one shelf are written, those of the
// next are unpacked.
func (f *fleet) write(write func(Text) error) error {
	start := time.Now()
	defer f.Timings.since(start, func(t *Timings) *float64 { return &t.Write })
	if len(f.shelves) == 0 {
		return nil
	}
	var rooms [2][]byte // In turn.
	next := f.shelves[0].unpack(nil)
	for i := range f.shelves {
		u := <-next
		if i+1 < len(f.shelves) {
			next = f.shelves[i+1].unpack(rooms[(i+1)%2])
		}
		if u.err != nil {
			return u.err
		}
		for _, text := range u.texts {
			if err := write(text); err != nil {
				return err
			}
		}
		rooms[i%2] = u.room
	}
	return nil
}

// unpacked are the texts of a shelf, in a room that is used again.
type unpacked struct {
	texts []Text
	room  []byte
	err   error
}

// unpack unpacks the texts of a shelf aside.
func (s *shelf) unpack(room []byte) <-chan unpacked {
	done := make(chan unpacked, 1)
	go func() {
		texts, room, err := s.packed.unpack(s.folder, room)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.folder.Path(), err)
		}
		done <- unpacked{texts, room, err}
	}()
	return done
}
