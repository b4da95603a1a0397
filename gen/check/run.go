package check

import (
	"io/fs"
	"maps"
	"slices"
	"sync"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/parallel"
	"gitlab.com/towpath/towpath/gen/policy"
	"gitlab.com/towpath/towpath/gen/produce"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/waiver"
)

// run is a check under way. Folders are loaded, checked and let go again some at a
// time; what is remembered of each is little, and enough for what can only be judged
// with all of them known.
type run struct {
	Options
	repo      fs.FS
	all       []string // the names of all environments
	gathering *environment.Gathering
	renderer  *render.Renderer
	finder    *blame.Finder
	charts    *charts
	data      policy.Data
	// policyOnly leaves out whatever the policy does not ask for.
	policyOnly bool

	mu      sync.Mutex
	folders map[environment.Folder]*shelf
}

// shelf is what is remembered of a folder.
type shelf struct {
	releases map[string]*checked // by their order
	waivers  []any               // as data, of a team
	err      error
}

// checked is what is remembered of a release.
type checked struct {
	findings finding.List
	// broken tells that there are no objects because something is wrong.
	broken bool
	// objects have no data.
	objects    []manifest.Object
	candidates []waiver.Candidate
	facts      *policy.Facts
	stale      finding.List
	err        error // what keeps its values from being written
}

// newRun returns a check of the repository.
func newRun(repo fs.FS, o Options) (*run, error) {
	all, err := environment.Names(repo)
	if err != nil {
		return nil, err
	}
	gathering, err := environment.Gather(repo, all)
	if err != nil {
		return nil, err
	}
	renderer := render.New(repo)
	return &run{
		Options: o, repo: repo, all: all, gathering: gathering, renderer: renderer, finder: blame.New(repo),
		charts: &charts{renderer: renderer, byName: map[string]*sights{}}, folders: map[environment.Folder]*shelf{},
	}, nil
}

// checkFolders loads and checks all folders.
func (r *run) checkFolders() error {
	r.renderer.Prefetch()
	o := fleet.Gathering{Load: r.Load, Progress: r.Progress, BatchBytes: r.BatchBytes}
	return fleet.Gather(r.repo, r.gathering, o, r.checkFolder)
}

// checkFolder checks the releases of a folder, or looks at what rules over all
// environments need of it if its environment is not to be checked.
func (r *run) checkFolder(folder environment.Folder, env *environment.Environment) {
	s := &shelf{releases: map[string]*checked{}}
	s.err = r.addData(folder, env, s)
	results := make([]*checked, len(env.Releases))
	// Each release keeps its own error.
	parallel.Each(r.Jobs, len(results), func(i int) { results[i] = r.checkRelease(env, env.Releases[i]) })
	for i, release := range env.Releases {
		s.releases[orderOf(release.Name, release.Helm)] = results[i]
	}
	r.mu.Lock()
	r.folders[folder] = s
	r.mu.Unlock()
}

// addData hands the folder's values to the rules over values.
func (r *run) addData(folder environment.Folder, env *environment.Environment, s *shelf) error {
	if folder.Team == "" {
		data, err := env.Data()
		if err != nil {
			return err
		}
		return r.data.Add(env.Name, data)
	}
	releases, waivers, err := env.TeamData(folder.Team)
	if err != nil {
		return err
	}
	s.waivers = waivers
	return r.data.AddReleases(env.Name, releases)
}

func (r *run) isSelected(env string) bool { return slices.Contains(r.Names, env) }

// selected returns those of the environments that are to be checked.
func (r *run) selected(environments []*environment.Environment) []*environment.Environment {
	return slices.DeleteFunc(slices.Clone(environments), func(env *environment.Environment) bool { return !r.isSelected(env.Name) })
}

// ofSelected returns the findings without those of environments that are not to be checked.
func (r *run) ofSelected(findings finding.List) finding.List {
	return slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Environment != "" && !r.isSelected(f.Environment) })
}

// checkRelease checks a release.
func (r *run) checkRelease(env *environment.Environment, release environment.Release) *checked {
	result := &checked{}
	request, err := r.renderer.Request(env, release)
	if err != nil {
		result.err = err
		return result
	}
	var objects []manifest.Object
	if !r.policyOnly {
		r.charts.add(env, release, request)
	}
	if r.isSelected(env.Name) && !r.policyOnly {
		if result.stale, result.err = staleFile(r.repo, produce.Values(env, release, request.Values[0])); result.err != nil {
			return result
		}
		if result.findings, objects, result.err = Release(r.renderer, r.finder, env, release, request); result.err != nil {
			return result
		}
		result.broken = objects == nil && len(result.findings) > 0
	} else {
		// What is wrong with it is not asked for.
		objects, err = r.renderer.Objects(env, release, request)
		result.broken = err != nil
	}
	judged := policyRelease(Rendered{Environment: env, Release: release, Objects: objects})
	result.facts = judged.Facts()
	if !r.isSelected(env.Name) {
		return result
	}
	for _, j := range judged.Judge() {
		result.candidates = append(result.candidates, objectJudgement(r.finder, Rendered{Environment: env, Release: release, Objects: objects}, j))
	}
	result.objects = names(objects)
	return result
}

// names returns objects without their data.
func names(objects []manifest.Object) []manifest.Object {
	if objects == nil {
		return nil
	}
	named := make([]manifest.Object, len(objects))
	for i, o := range objects {
		o.Data = nil
		named[i] = o
	}
	return named
}

// checked returns what is remembered of a release.
func (r *run) checked(env *environment.Environment, release environment.Release) *checked {
	s := r.folders[environment.Folder{Environment: env.Name, Team: release.Team}]
	return s.releases[orderOf(release.Name, release.Helm)]
}

// each calls f with each release of the environments and what is remembered of it.
func (r *run) each(environments []*environment.Environment, f func(env *environment.Environment, release environment.Release, c *checked)) {
	for _, env := range environments {
		for _, release := range env.Releases {
			f(env, release, r.checked(env, release))
		}
	}
}

// err returns the first error of the environments' releases.
func (r *run) err(environments []*environment.Environment) (err error) {
	r.each(environments, func(_ *environment.Environment, _ environment.Release, c *checked) {
		if err == nil {
			err = c.err
		}
	})
	return err
}

// releases returns what is wrong with the releases of the environments, one by one and
// with each other.
func (r *run) releases(environments []*environment.Environment) finding.List {
	var findings finding.List
	for _, env := range environments {
		owned := map[string]map[string][]manifest.Object{} // By region: each is a cluster of its own.
		for _, release := range env.Releases {
			c := r.checked(env, release)
			findings = append(findings, c.findings...)
			if owned[release.Region] == nil {
				owned[release.Region] = map[string][]manifest.Object{}
			}
			owned[release.Region][release.Name] = c.objects
		}
		for _, region := range slices.Sorted(maps.Keys(owned)) {
			for _, f := range manifest.Duplicates(owned[region]) {
				f.Environment = env.Name
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// policy holds the selected environments against the policy, with all of them known.
func (r *run) policy(all, selected []*environment.Environment) (finding.List, error) {
	if err := r.err(all); err != nil {
		return nil, err
	}
	if err := r.settle(all); err != nil {
		return nil, err
	}
	var names []string
	for _, env := range selected {
		names = append(names, env.Name)
	}
	rules, err := policy.Load(r.repo)
	v := values{err: err}
	if err == nil {
		found, err := rules.Judge(&r.data, names)
		v = values{rules.Rules(), found, err}
	}
	if _, rest := finding.From(v.err); rest != nil {
		return nil, rest
	}
	var facts []*policy.Facts
	// Those that are checked come first: they then are what others clash with.
	others := slices.DeleteFunc(slices.Clone(all), func(env *environment.Environment) bool { return r.isSelected(env.Name) })
	r.each(slices.Concat(selected, others), func(_ *environment.Environment, _ environment.Release, c *checked) { facts = append(facts, c.facts) })
	together := policy.Together(facts)

	again := newAgain()
	candidates := map[string][]waiver.Candidate{}
	broken := map[string]bool{}
	for _, env := range selected {
		for _, violation := range v.found[env.Name] {
			again.value(env, len(candidates[env.Name]), violation)
			candidates[env.Name] = append(candidates[env.Name], waiver.Candidate{})
		}
		for _, release := range env.Releases {
			c := r.checked(env, release)
			broken[env.Name] = broken[env.Name] || c.broken
			candidates[env.Name] = append(candidates[env.Name], c.candidates...)
			for _, j := range together[c.facts] {
				again.object(env, release, len(candidates[env.Name]), j)
				candidates[env.Name] = append(candidates[env.Name], waiver.Candidate{})
			}
		}
	}
	if err := again.look(r, candidates); err != nil {
		return nil, err
	}
	return applied(selected, candidates, v, broken, r.Today)
}

// settle takes out of the data what is invalid, and adds what is known of environments
// in the end only.
func (r *run) settle(all []*environment.Environment) error {
	valid := map[string]*environment.Environment{}
	for _, env := range all {
		valid[env.Name] = env
	}
	for _, folder := range r.gathering.Folders() {
		env, s := valid[folder.Environment], r.folders[folder]
		if env == nil {
			r.data.Remove(folder.Environment)
			continue
		}
		if s.err != nil {
			return s.err
		}
		if len(s.waivers) > 0 {
			r.data.Append(folder.Environment, "waivers", s.waivers)
		}
	}
	return nil
}
