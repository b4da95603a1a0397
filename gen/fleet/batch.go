package fleet

import (
	"path"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/memory"
	"gitlab.com/towpath/towpath/gen/parallel"
)

// BatchBytes is how much CUE text is loaded at once, at least a folder: one or two dozen
// releases. Each batch builds the contract once more; with more in a batch there are more
// live bytes, and the collector, which has to stay below the limit of package memory, runs
// more often.
const BatchBytes = 32 << 10

// Batches calls do with some folders at a time, those from one index up to another, and
// several times at once. Sizes are how much CUE stands in each folder; see [Size]. Those
// of a batch have no more than limit together, unless a folder has by itself.
func Batches(sizes []int64, limit int64, do func(from, to int) error) error {
	total := int64(0)
	for _, size := range sizes {
		total += size
	}
	if total > 2*limit {
		memory.Batches()
	}
	var group errgroup.Group
	// While one batch is loaded, which is one goroutine's work unless there are many
	// folders in it, another one is rendered.
	group.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(sizes); {
		to, size := from+1, sizes[from]
		for to < len(sizes) && size+sizes[to] <= limit {
			size += sizes[to]
			to++
		}
		first := from
		group.Go(func() error { return do(first, to) })
		from = to
	}
	return group.Wait()
}

// renderAll renders shelves, batch by batch.
func (f *fleet) renderAll(shelves []*shelf) error {
	if len(shelves) == 0 {
		return nil
	}
	f.renderer.Prefetch()
	f.Timings.count(func(t *Timings) *int { return &t.Rendered }, len(shelves))
	sizes := make([]int64, len(shelves))
	for i, s := range shelves {
		sizes[i] = s.size
	}
	return Batches(sizes, BatchBytes, func(from, to int) error { return f.renderBatch(shelves[from:to]) })
}

func (f *fleet) renderBatch(batch []*shelf) error {
	var folders []environment.Folder
	for _, s := range batch {
		s.isDone = true
		folders = append(folders, s.folder)
	}
	start := time.Now()
	loaded, files, err := f.Load(folders)
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
		start := time.Now()
		packed := pack(texts)
		if f.Kept != nil {
			// A disk that is full costs the next run time, and this one nothing.
			_ = f.Kept.Put(f.question(s), f.sources(env, files[s.folder]), packed.bytes())
		}
		f.Timings.since(start, func(t *Timings) *float64 { return &t.Keep })
		f.put(s, packed)
	}
	return nil
}

// releasesOf renders the releases of a folder.
func (f *fleet) releasesOf(s *shelf, env *environment.Environment) ([]Text, error) {
	texts := make([]Text, len(env.Releases))
	errs := make([]error, len(env.Releases))
	// Each release keeps its own error, so that all are reported.
	parallel.Each(f.Jobs, len(texts), func(i int) {
		release := env.Releases[i]
		start := time.Now()
		objects, err := f.renderer.Release(env, release)
		f.Timings.since(start, func(t *Timings) *float64 { return &t.Render })
		texts[i] = Text{Environment: env.Name, Team: s.folder.Team, Release: release.Name}
		if errs[i] = err; err == nil {
			start = time.Now()
			texts[i].Text, errs[i] = f.Encode(objects)
			f.Timings.since(start, func(t *Timings) *float64 { return &t.Encode })
		}
	})
	for _, err := range errs {
		found, rest := finding.From(err)
		if rest != nil {
			return nil, rest
		}
		s.findings = append(s.findings, found...)
	}
	f.Timings.count(func(t *Timings) *int { return &t.Releases }, len(texts))
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
