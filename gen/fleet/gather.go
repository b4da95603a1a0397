package fleet

import (
	"cmp"
	"io/fs"
	"slices"
	"sync/atomic"

	"gitlab.com/towpath/towpath/gen/environment"
)

// Gathering are options of [Gather].
type Gathering struct {
	// Load, if not nil, loads environments that have no teams, for who has something
	// faster than [environment.Load].
	Load func(repo fs.FS, names []string) (*environment.Set, error)
	// Progress, if not nil, is told how far the work has got. It is called from several
	// goroutines.
	Progress func(Progress)
	// BatchBytes, if not 0, is how much CUE text is loaded at once in place of
	// [BatchBytes], at least a folder.
	BatchBytes int64
}

// Gather loads the folders of a gathering some at a time, and calls do with each that is
// valid by itself, from several goroutines. What do holds on to is all that stays.
func Gather(repo fs.FS, g *environment.Gathering, o Gathering, do func(environment.Folder, *environment.Environment)) error {
	folders := g.Folders()
	sizes := make([]int64, len(folders))
	total := int64(0)
	for i, folder := range folders {
		var err error
		if sizes[i], _, err = folder.Written(repo); err != nil {
			return err
		}
		total += sizes[i]
	}
	var releases, done, seen atomic.Int64
	batch := func(from, to int, load func([]environment.Folder) (map[environment.Folder]*environment.Environment, error)) error {
		loaded, err := load(folders[from:to])
		if err != nil {
			return err
		}
		for i, folder := range folders[from:to] {
			env := loaded[folder]
			if env != nil {
				do(folder, env)
				releases.Add(int64(len(env.Releases)))
			}
			p := Progress{
				Releases: int(releases.Load()), Folders: int(done.Add(1)), Total: len(folders),
				Part: float64(seen.Add(sizes[from+i])) / float64(max(total, 1)),
			}
			if o.Progress != nil {
				o.Progress(p)
			}
		}
		return nil
	}
	if o.Load != nil && !slices.ContainsFunc(folders, func(f environment.Folder) bool { return f.Team != "" }) {
		return batch(0, len(folders), func([]environment.Folder) (map[environment.Folder]*environment.Environment, error) {
			return g.Take(o.Load)
		})
	}
	return Batches(sizes, cmp.Or(o.BatchBytes, BatchBytes), func(from, to int) error { return batch(from, to, g.Load) })
}
