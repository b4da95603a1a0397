package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/intake"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/values"
)

// taking is a run of gen import.
type taking struct {
	*app
	options  importOptions
	progress *progress
	// base is the repository as it is, repo the same with the chart in it.
	base fs.FS
	repo edit.Overlay

	chart      *chart.Chart
	chartFiles []environment.File
	// chartDir is where the chart was found on the disk.
	chartDir string
	release  string
	// texts are the files of values, by the name that findings have for them.
	texts  map[string][]byte
	values *intake.Values

	// before are the environments as they are.
	before *environment.Set
	// names are those of all environments, those that will be made included.
	names []string
	// made are the files of new environments, without their releases.
	made []environment.File
	// drafts are the environments of the values, in their order, as far as they are
	// known before the values are.
	drafts []*environment.Environment
	// known tells that the contract has the chart and keeps it as it is; said is what
	// it then says of its values, by environment.
	known bool
	said  map[string]map[string]any
}

// stateError is an error about a state of the repository that is not on the disk.
type stateError struct {
	repo fs.FS
	err  error
}

func (e stateError) Error() string { return e.err.Error() }
func (e stateError) Unwrap() error { return e.err }

func (e stateError) print(a *app) error { return a.printFindings(e.repo, e.err) }

// survey loads the environments that there are, and drafts those that there will be.
func (in *taking) survey() error {
	existing, err := environment.Names(in.base)
	if err != nil {
		return err
	}
	if in.before, err = environment.Load(in.base, existing); err != nil {
		return err
	}
	owned, foreign, err := in.inContract()
	if err != nil {
		return err
	}
	in.known = owned || foreign && !in.options.force
	in.names = slices.Clone(existing)
	var bare []environment.File
	for _, m := range in.values.Environments {
		if err := in.mayTake(m.Name); err != nil {
			return err
		}
		if !slices.Contains(existing, m.Name) {
			env, err := intake.NewEnvironment(m.Name, in.options.namespace, in.before.Environments)
			if err != nil {
				return err
			}
			in.made = append(in.made, env)
			in.names = append(in.names, m.Name)
		}
		f, err := intake.Bare(m.Name, in.options.team, in.chart.Name, in.release)
		if err != nil {
			return err
		}
		bare = append(bare, f)
	}
	slices.Sort(in.names)
	if !owned && !foreign {
		bare = append(bare, intake.Stub(in.chart.Name))
	}
	draft := in.overlay(bare)
	if !in.known && foreign {
		draft = in.overlay(append(bare, intake.Stub(in.chart.Name)))
	}
	set, err := environment.Load(draft, in.drafted())
	if err != nil {
		return stateError{draft, err}.print(in.app)
	}
	in.drafts = in.ours(set)
	if err := in.checkNamespace(); err != nil {
		return err
	}
	if in.known {
		in.said = map[string]map[string]any{}
		for _, env := range in.drafts {
			// In regions it is the same in each: it is taken in for all of them.
			release := env.ReleasesOf(in.release)[0]
			if in.said[env.Name], err = release.Tree(); err != nil {
				return err
			}
		}
	}
	return in.addApproval()
}

// drafted returns the names of the environments of the values.
func (in *taking) drafted() []string {
	var names []string
	for _, m := range in.values.Environments {
		names = append(names, m.Name)
	}
	return names
}

// inContract reports whether the contract has the chart, produced from it or foreign.
func (in *taking) inContract() (owned, foreign bool, err error) {
	inst, err := environment.LoadContract(in.base)
	if err != nil {
		return false, false, err
	}
	if inst.Err != nil {
		return false, false, environment.CUEFindings(inst.Err)
	}
	v := cuecontext.New().BuildInstance(inst)
	has := v.LookupPath(cue.MakePath(cue.Def("Charts"), cue.Str(in.chart.Name))).Exists()
	foreign = v.LookupPath(cue.MakePath(cue.Def("Foreign"), cue.Str(in.chart.Name))).Exists()
	return has && !foreign, foreign, v.Err()
}

// mayTake reports an environment that has the release in a file of its own.
func (in *taking) mayTake(env string) error {
	i := slices.IndexFunc(in.before.Environments, func(e *environment.Environment) bool { return e.Name == env })
	if i < 0 {
		return nil
	}
	if in.options.namespace != "" && in.options.namespace != in.before.Environments[i].Namespace {
		return fmt.Errorf("--namespace %s: the environment %s has the namespace %s, which all of its releases have; leave --namespace out, or name a new environment with --env",
			in.options.namespace, env, in.before.Environments[i].Namespace)
	}
	if !slices.ContainsFunc(in.before.Environments[i].Releases, func(r environment.Release) bool { return r.Helm == in.release }) {
		return nil
	}
	var files []string
	for _, pattern := range []string{"*.cue", "*/*.cue"} { // Those of teams, too.
		found, err := fs.Glob(in.base, path.Join(environment.Dir, env, pattern))
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	mine := intake.EnvironmentFile(env, in.options.team, in.release)
	for _, name := range files {
		text, err := fs.ReadFile(in.base, name)
		if err != nil {
			return err
		}
		has, err := edit.Has(name, text, []string{"releases", in.release})
		if err != nil {
			return err
		}
		if has && name != mine {
			return fmt.Errorf("%s has a release %s already; name another with --release", name, in.release)
		}
	}
	if !slices.Contains(files, mine) {
		return fmt.Errorf("the environment %s has a release %s already; name another with --release", env, in.release)
	}
	return nil
}

// checkNamespace reports a namespace that the contract has made something else of.
func (in *taking) checkNamespace() error {
	for _, env := range in.drafts {
		if in.options.namespace != "" && env.Namespace != in.options.namespace {
			return fmt.Errorf("--namespace %s: the environment %s has %s", in.options.namespace, env.Name, env.Namespace)
		}
	}
	return nil
}

// overlay returns the repository with the chart, new environments and some files.
// What the chart had in the contract goes if it is made anew.
func (in *taking) overlay(files []environment.File) edit.Overlay {
	o := edit.Overlay{Base: in.base, Files: maps.Clone(in.repo.Files)}
	if !in.known {
		for _, name := range intake.ContractFiles(in.repo, in.chart.Name) {
			if _, err := fs.Stat(in.base, name); err == nil {
				o.Files[name] = nil
			}
		}
	}
	for _, f := range slices.Concat(in.made, files) {
		o.Files[f.Path] = f.Content
	}
	return o
}

// ours returns the environments of the values in their order.
func (in *taking) ours(set *environment.Set) []*environment.Environment {
	var envs []*environment.Environment
	for _, m := range in.values.Environments {
		i := slices.IndexFunc(set.Environments, func(e *environment.Environment) bool { return e.Name == m.Name })
		envs = append(envs, set.Environments[i])
	}
	return envs
}

func releaseOf(env *environment.Environment, name string) environment.Release {
	i := slices.IndexFunc(env.Releases, func(r environment.Release) bool { return r.Name == name })
	return env.Releases[i]
}

// addApproval adds the template that brings the approval record to the cluster, if an
// environment with approvals needs it.
func (in *taking) addApproval() error {
	follows := slices.ContainsFunc(in.drafts, func(env *environment.Environment) bool {
		_, follows := env.ApprovalBranch()
		return follows
	})
	if !follows {
		return nil
	}
	templates := map[string]string{}
	dir := path.Join(in.chart.Path(), "templates")
	err := fs.WalkDir(in.repo, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || output.IsRemains(name) {
			return err
		}
		text, err := fs.ReadFile(in.repo, name)
		templates[strings.TrimPrefix(name, dir+"/")] = string(text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, wanted := intake.ApprovalTemplate(in.chart.Name, templates)
	if !wanted {
		return nil
	}
	in.chartFiles = append(in.chartFiles, file)
	in.repo.Files[file.Path] = file.Content
	in.chart, err = chart.Load(in.repo, in.chart.Name)
	return err
}

// stale returns the files of the contract and of the chart that it no longer has.
func (in *taking) stale(t *taken) []string {
	var gone []string
	for name, content := range t.repo.Files {
		if content == nil {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

// others returns the environments beside those of the values whose values would
// change with the contract.
func (in *taking) others(t *taken) []string {
	var changed []string
	for _, was := range in.before.Environments {
		if slices.Contains(in.drafted(), was.Name) {
			continue
		}
		i := slices.IndexFunc(t.set.Environments, func(e *environment.Environment) bool { return e.Name == was.Name })
		for _, release := range was.Releases {
			old, oldErr := values.Encode(was, release)
			now, err := values.Encode(t.set.Environments[i], releaseOf(t.set.Environments[i], release.Name))
			if oldErr == nil && (err != nil || string(old) != string(now)) {
				changed = append(changed, was.Name+"/"+release.Name)
			}
		}
	}
	return changed
}

// overwrites refuses to write over what people may have written.
func (in *taking) overwrites(changes []output.Change) error {
	var there []string
	for _, c := range changes {
		byPeople := path.Ext(c.Path) == ".cue" && c.State != output.Removed || in.isChart(c.Path)
		if byPeople && c.Old != nil && c.State != output.Unchanged {
			there = append(there, c.Path)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return fmt.Errorf("there already, with another content: %s; --force overwrites", strings.Join(there, ", "))
}

// apply makes all changes or none: what goes wrong halfway is taken back.
func (in *taking) apply(changes []output.Change) error {
	err := in.bring(changes)
	if err == nil {
		return nil
	}
	var back []output.Change
	for _, c := range changes {
		undo := output.Change{Path: c.Path, State: output.Written, New: c.Old, Whole: c.Whole}
		if c.Old == nil {
			undo.State = output.Removed
		}
		if c.State != output.Unchanged {
			back = append(back, undo)
		}
	}
	if undoErr := in.bring(back); undoErr != nil {
		return errors.Join(err, fmt.Errorf("taking back what was written: %w", undoErr))
	}
	return err
}

// bring writes the chart first, which nobody uses until the environments do. Contract
// and environments then change at once: the old values need not fit the new types. What
// the cluster reads comes last, as gen render writes that anew whenever it is stale.
func (in *taking) bring(changes []output.Change) error {
	parts := map[string][]output.Change{}
	folders := []string{path.Join(chart.Dir, in.chart.Name), environment.Dir, ""}
	for _, c := range changes {
		i := slices.IndexFunc(folders, func(folder string) bool { return folder == "" || strings.HasPrefix(c.Path, folder+"/") })
		parts[folders[i]] = append(parts[folders[i]], c)
	}
	for _, folder := range folders {
		if err := in.bringFolder(folder, parts[folder]); err != nil {
			return err
		}
	}
	return nil
}

// bringFolder makes the changes in a folder at once, unless it is not there yet, or
// somebody stands in it.
func (in *taking) bringFolder(folder string, changes []output.Change) error {
	dir := filepath.Join(in.root, filepath.FromSlash(folder))
	_, err := os.Stat(dir)
	rel, relErr := filepath.Rel(dir, in.Dir)
	inside := relErr == nil && filepath.IsLocal(rel)
	if folder == "" || err != nil || inside {
		return output.Apply(in.root, changes)
	}
	return output.ApplyTree(in.root, folder, changes)
}
