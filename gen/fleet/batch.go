package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/manifest"
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
		texts, origins, err := f.releasesOf(s, env)
		if err != nil {
			return err
		}
		if len(s.findings) > 0 {
			continue
		}
		start := time.Now()
		packed := pack(texts, origins)
		if f.Kept != nil {
			// A disk that is full costs the next run time, and this one nothing.
			_ = f.Kept.Put(f.question(s), f.sources(env, files[s.folder]), packed.bytes())
		}
		f.Timings.since(start, func(t *Timings) *float64 { return &t.Keep })
		f.put(s, packed)
	}
	return nil
}

// releasesOf renders the releases of a folder, but for those that rendered to something the
// last time, from the same. There are origins if something is kept.
func (f *fleet) releasesOf(s *shelf, env *environment.Environment) (texts []Text, origins []string, err error) {
	texts = make([]Text, len(env.Releases))
	errs := make([]error, len(env.Releases))
	var last map[string][]byte
	if f.Kept != nil {
		origins = make([]string, len(env.Releases))
		last = f.last(s)
	}
	// Each release keeps its own error, so that all are reported.
	parallel.Each(f.Jobs, len(texts), func(i int) {
		texts[i] = Text{Environment: env.Name, Team: s.folder.Team, Release: env.Releases[i].Name}
		if f.Kept == nil {
			texts[i].Text, errs[i] = f.text(func() ([]manifest.Object, error) { return f.renderer.Release(env, env.Releases[i]) })
			return
		}
		request, err := f.renderer.Request(env, env.Releases[i])
		if err != nil {
			errs[i] = err
			return
		}
		if origins[i], err = f.origin(env.Releases[i], request); err == nil {
			if text, ok := last[origins[i]]; ok {
				texts[i].Text = text
				return
			}
		} // Else rendering says what is wrong with the chart.
		texts[i].Text, errs[i] = f.text(func() ([]manifest.Object, error) { return f.renderer.Objects(env, env.Releases[i], request) })
	})
	for _, err := range errs {
		found, rest := finding.From(err)
		if rest != nil {
			return nil, nil, rest
		}
		s.findings = append(s.findings, found...)
	}
	return texts, origins, nil
}

// text renders a release and writes its objects.
func (f *fleet) text(render func() ([]manifest.Object, error)) ([]byte, error) {
	start := time.Now()
	objects, err := render()
	f.Timings.since(start, func(t *Timings) *float64 { return &t.Render })
	f.Timings.count(func(t *Timings) *int { return &t.Releases }, 1)
	if err != nil {
		return nil, err
	}
	start = time.Now()
	defer f.Timings.since(start, func(t *Timings) *float64 { return &t.Encode })
	return f.Encode(objects)
}

// last returns what the releases of a folder rendered to the last time, by origin.
func (f *fleet) last(s *shelf) map[string][]byte {
	data, ok := f.Kept.Last(f.question(s))
	if !ok {
		return nil
	}
	packed, err := parsePacked(data)
	if err != nil {
		return nil // All are rendered.
	}
	texts, _, err := packed.unpack(s.folder, nil)
	if err != nil {
		return nil
	}
	last := map[string][]byte{}
	for i, origin := range packed.origins {
		last[origin] = texts[i].Text
	}
	return last
}

// origin is a hash of what the objects of a release are made from: its chart and what Helm is
// told.
func (f *fleet) origin(release environment.Release, request chart.Release) (string, error) {
	files, err := f.Kept.Digest(chartOf(release))
	if err != nil {
		return "", err
	}
	told, err := request.Digest()
	if err != nil {
		return "", err
	}
	both := sha256.Sum256(append(slices.Clone(files), told[:]...))
	return hex.EncodeToString(both[:]), nil
}

// chartOf returns the chart of a release as a source.
func chartOf(release environment.Release) kept.Source {
	return kept.Source{Kind: kept.Tree, Path: path.Join(chart.Dir, release.Chart)}
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
		sources = append(sources, chartOf(release))
	}
	if _, follows := env.ApprovalBranch(); follows {
		sources = append(sources, kept.Source{Kind: kept.File, Path: env.ApprovalFile()})
	}
	return kept.Sources(sources...)
}
