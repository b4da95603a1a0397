package cli

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
)

// renderFiles writes what the environments produce, or checks it.
func (a *app) renderFiles(o renderOptions, names []string) error {
	repo := a.repoFS()
	everyName, err := environment.Names(repo)
	if err != nil {
		return err
	}
	all, values, findings, err := a.produceValues(everyName, names)
	if err != nil {
		return err
	}
	// What is wrong with other environments does not keep these from being
	// rendered; only the files that list them all have to wait.
	var mine, others finding.List
	for _, f := range findings {
		if f.Environment == "" || contains(names, f.Environment) {
			mine = append(mine, f)
		} else {
			others = append(others, f)
		}
	}
	if len(mine) > 0 {
		return mine
	}
	selected := slices.DeleteFunc(slices.Clone(all), func(env *environment.Environment) bool { return !contains(names, env.Name) })
	if len(others) > 0 {
		fmt.Fprintf(a.Err, "gen: environment %s is invalid, so the files that list all environments are left as they are; see gen check %s\n",
			others[0].Environment, others[0].Environment)
		all = nil
	}
	files, err := produce.Shared(repo, all)
	if err != nil {
		return err
	}
	for _, env := range selected {
		files = append(files, produce.Delivery(env)...)
	}
	files = append(files, values...)
	// The lock speaks of all files, so it changes with all of them.
	if tools := a.Tools(); tools != nil && (o.check || len(selected) == len(everyName)) {
		files = append(files, produce.Lock(tools))
	}
	if o.check {
		stale, err := check.Stale(repo, files, selected, all != nil)
		if err != nil {
			return err
		}
		return stale.Sort().Err()
	}
	changes, err := plan(a, files, names, all != nil)
	if err != nil {
		return err
	}
	if err := output.Apply(a.root, changes); err != nil {
		return err
	}
	slices.SortFunc(changes, func(x, y output.Change) int { return strings.Compare(x.Path, y.Path) })
	for _, c := range changes {
		fmt.Fprintf(a.Out, "%-9s  %s\n", c.State, c.Path)
	}
	return nil
}

// produceValues loads all environments, which it returns without their values, and the
// files with the values of those that are named. Both lack environments that something
// is wrong with.
func (a *app) produceValues(every, names []string) ([]*environment.Environment, []produce.File, finding.List, error) {
	repo := a.repoFS()
	gathering, err := environment.Gather(repo, every)
	if err != nil {
		return nil, nil, nil, err
	}
	progress := a.newProgress()
	defer progress.clear()
	var mu sync.Mutex
	files, failures := map[environment.Folder][]produce.File{}, map[environment.Folder]error{}
	err = fleet.Gather(repo, gathering, fleet.Gathering{
		Load:     func(_ fs.FS, names []string) (*environment.Set, error) { return ahead.Load(a.root, names) },
		Progress: progress.folders(),
	}, func(folder environment.Folder, env *environment.Environment) {
		if !contains(names, env.Name) {
			return
		}
		produced, err := produce.AllValues(env)
		mu.Lock()
		defer mu.Unlock()
		files[folder], failures[folder] = produced, err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	environments, findings, ok := gathering.Environments()
	if !ok {
		return nil, nil, findings, nil
	}
	var values []produce.File
	for _, folder := range gathering.Folders() {
		if !slices.ContainsFunc(environments, func(env *environment.Environment) bool { return env.Name == folder.Environment }) {
			continue
		}
		if failures[folder] != nil {
			return nil, nil, nil, failures[folder]
		}
		values = append(values, files[folder]...)
	}
	return environments, values, findings, nil
}

// plan returns the changes that bring the produced files to the disk, those that
// are no longer produced included.
func plan(a *app, files []produce.File, names []string, shared bool) ([]output.Change, error) {
	repo := a.repoFS()
	var changes []output.Change
	for _, file := range files {
		change, err := output.Compare(repo, file.Path, file.Content)
		if err != nil {
			return nil, err
		}
		change.Whole = isWhole(file.Path, file.Environment)
		changes = append(changes, change)
	}
	leftovers, err := produce.Leftovers(repo, files, names, shared)
	if err != nil {
		return nil, err
	}
	for _, name := range leftovers {
		env := path.Base(path.Dir(path.Dir(name)))
		changes = append(changes, output.Change{Path: name, State: output.Removed, Whole: isWhole(name, env)})
	}
	return changes, nil
}

// isWhole reports whether a file lies in a folder that has to be old or new as a
// whole: the values of an environment, or its Applications.
func isWhole(name, env string) bool {
	dir := path.Dir(name)
	return dir == path.Join(environment.Dir, env, "values") || dir == path.Join(delivery.Dir, env)
}
