// Package affected says which environments and releases a change of files can
// touch, by what they are made from: the CUE files that loading an environment
// reads, the chart of a release, and the approval record. It renders nothing.
//
// It may name too many, as a file that is read need not matter, and never too few.
package affected

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
)

// Dirs are the folders that hold everything an environment is made from.
var Dirs = []string{environment.Dir, chart.Dir}

// State is one state of the repository.
type State struct {
	Environments []*environment.Environment
	// Files are those that decide what a folder is; see [environment.Files].
	Files map[environment.Folder][]string
}

// Load reads the graph of the environments, which are valid.
func Load(repo fs.FS, envs []*environment.Environment) (State, error) {
	var names []string
	for _, env := range envs {
		names = append(names, env.Name)
	}
	folders, err := environment.Folders(repo, names)
	if err != nil {
		return State{}, err
	}
	files, err := environment.Files(repo, folders)
	return State{envs, files}, err
}

// Side is a state of the repository of which nothing is loaded yet, with folders that
// it has.
type Side struct {
	Repo    fs.FS
	Folders []environment.Folder
}

// Folders returns those of the folders on each side that the changed files can touch,
// which are all that differ between the sides. Which release uses a chart is not known yet,
// so that one that changed touches all folders.
func Folders(changed []string, from, to Side) (touched [2][]environment.Folder, err error) {
	sides := [2]Side{from, to}
	if AnyBelow(changed, chart.Dir) {
		return [2][]environment.Folder{from.Folders, to.Folders}, nil
	}
	decides, isApart := apart(changed, from, to)
	var group errgroup.Group
	for i, s := range sides {
		group.Go(func() error {
			decides := decides
			if !isApart {
				files, err := environment.Files(s.Repo, s.Folders)
				if err != nil {
					return err
				}
				decides = func(f environment.Folder) bool { return readsAny(files[f], changed) }
			}
			touched[i] = slices.DeleteFunc(slices.Clone(s.Folders), func(f environment.Folder) bool {
				return !decides(f) && !slices.Contains(changed, f.ApprovalFile())
			})
			return nil
		})
	}
	return touched, group.Wait()
}

// apart reports whether each changed file of CUE lies in the folder of a team, and no
// package imports one of these folders on either side: such a file decides its own folder and
// nothing else. To know that takes a fraction of what it takes to follow all imports.
func apart(changed []string, from, to Side) (decides func(environment.Folder) bool, ok bool) {
	var dirs []string
	for _, file := range changed {
		if path.Ext(file) == ".cue" {
			dirs = append(dirs, path.Dir(file))
		}
	}
	for _, dir := range dirs {
		isTeams := func(f environment.Folder) bool { return f.Team != "" && f.Path() == dir }
		if !slices.ContainsFunc(from.Folders, isTeams) && !slices.ContainsFunc(to.Folders, isTeams) {
			return nil, false
		}
	}
	imported, err := environment.Imports(to.Repo)
	if err != nil {
		return nil, false // Who follows the imports says what is wrong.
	}
	// What did not change imports the same there.
	before, err := environment.ImportsOf(from.Repo, changed)
	if err != nil {
		return nil, false
	}
	imported = append(imported, before...)
	for _, dir := range dirs {
		below := strings.TrimPrefix(dir, environment.Dir)
		// A package below the folder may have its files too.
		if slices.ContainsFunc(imported, func(name string) bool { return strings.Contains(name+"/", below+"/") }) {
			return nil, false
		}
	}
	return func(f environment.Folder) bool { return slices.Contains(dirs, f.Path()) }, true
}

// readsAny reports whether one of the changed files is among those that are read, which
// are ordered.
func readsAny(files, changed []string) bool {
	return slices.ContainsFunc(changed, func(file string) bool {
		_, found := slices.BinarySearch(files, file)
		return found
	})
}

// Environment is one that can be touched.
type Environment struct {
	Name string `json:"name"`
	// Releases are ordered by name.
	Releases []string `json:"releases"`
}

// By returns what the changed files can touch, ordered by name. A release that is
// in one state only counts with the files of that state.
func By(changed []string, states ...State) []Environment {
	touched := map[string]map[string]bool{}
	for _, state := range states {
		for _, env := range state.Environments {
			_, follows := env.ApprovalBranch()
			own := follows && slices.Contains(changed, env.ApprovalFile())
			// A team's folder decides the team's releases and no others.
			byTeam := map[string]bool{}
			for f, files := range state.Files {
				if f.Environment != env.Name {
					continue
				}
				byTeam[f.Team] = own || readsAny(files, changed)
				if byTeam[f.Team] && touched[env.Name] == nil {
					touched[env.Name] = map[string]bool{} // It need not have a release.
				}
			}
			for _, release := range env.Releases {
				if !byTeam[release.Team] && !AnyBelow(changed, path.Join(chart.Dir, release.Chart)) {
					continue
				}
				if touched[env.Name] == nil {
					touched[env.Name] = map[string]bool{}
				}
				touched[env.Name][release.Name] = true
			}
		}
	}
	list := []Environment{}
	for name, set := range touched {
		env := Environment{Name: name, Releases: []string{}}
		for release := range set {
			env.Releases = append(env.Releases, release)
		}
		slices.Sort(env.Releases)
		list = append(list, env)
	}
	slices.SortFunc(list, func(a, b Environment) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// AnyBelow reports whether one of the files is in a folder, or below it.
func AnyBelow(files []string, dir string) bool {
	return slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, dir+"/") })
}
