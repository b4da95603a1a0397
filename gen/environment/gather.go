package environment

import (
	"io/fs"
	"maps"
	"slices"
	"sync"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Gathering is [Load] a few folders at a time, for any number of them: what it loads can
// be let go, and in the end it knows the environments without their values in CUE, and
// what is wrong with each as a whole. It can be used from many goroutines.
type Gathering struct {
	loader   *Loader
	names    []string
	folders  []Folder
	findings finding.List // of folders that can't be a team's

	mu       sync.Mutex
	parts    map[Folder]*gathered
	contract finding.List // what is wrong with the contract itself
}

// gathered is what is remembered of a folder.
type gathered struct {
	// findings are those of the folder, joined those that it has with the environment's
	// own.
	findings, joined finding.List
	// misplaced is what is wrong with the environment's own rollout.
	misplaced finding.List
	// places are those of the releases, and inRegions those of releases that run in
	// regions, which have the places that CUE names.
	places, inRegions map[string]Origin
	env               *Environment // without values
}

// Gather begins to load the named environments.
func Gather(repo fs.FS, names []string) (*Gathering, error) {
	folders, findings, err := foldersOf(repo, names)
	if err != nil {
		return nil, err
	}
	return &Gathering{loader: NewLoader(repo), names: names, folders: folders, findings: findings, parts: map[Folder]*gathered{}}, nil
}

// Folders returns the folders that are to be loaded, those of an environment one after
// the other and its own first.
func (g *Gathering) Folders() []Folder { return g.folders }

// Load loads some of the folders, in their order: what comes of each is an environment
// with the releases of that folder alone. What is invalid is left out, and reported in
// the end.
func (g *Gathering) Load(folders []Folder) (map[Folder]*Environment, error) {
	contract, parts, err := g.loader.parts(withOwn(folders))
	if err != nil {
		return nil, err
	}
	results, invalid := g.loader.loadEach(contract, parts)
	if len(invalid) > 0 {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.contract = invalid
		return nil, nil
	}
	loaded := map[Folder]*Environment{}
	for parts, results := range byEnvironment(parts, results) {
		env := results[0].env
		for i, l := range results {
			f := Folder{parts[i].env, parts[i].team}
			if !slices.Contains(folders, f) {
				continue
			}
			part := &gathered{findings: l.findings, places: l.places()}
			for name, at := range part.places {
				part.places[name] = at.plain()
			}
			if env != nil && l.env != nil {
				if i > 0 {
					part.joined = env.join(parts[i], l)
				} else {
					part.misplaced = env.misplaced()
				}
				loaded[f] = env.ofFolder(f)
				part.remember(loaded[f])
			}
			g.mu.Lock()
			g.parts[f] = part
			g.mu.Unlock()
		}
	}
	return loaded, nil
}

// Take is Load of everything at once by somebody else's [Load], for environments without
// teams.
func (g *Gathering) Take(load func(repo fs.FS, names []string) (*Set, error)) (map[Folder]*Environment, error) {
	set, err := load(g.loader.repo, g.names)
	findings, rest := finding.From(err)
	if rest != nil {
		return nil, rest
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if set == nil {
		g.contract = findings
		return nil, nil
	}
	for _, name := range g.names {
		g.parts[Folder{Environment: name}] = &gathered{}
	}
	for _, f := range findings {
		part := g.parts[Folder{Environment: f.Environment}]
		part.findings = append(part.findings, f)
	}
	loaded := map[Folder]*Environment{}
	for _, env := range set.Environments {
		f := Folder{Environment: env.Name}
		loaded[f] = env
		g.parts[f].remember(env)
	}
	return loaded, nil
}

// plain returns the place without what is written there, which has all of its file.
func (o Origin) plain() Origin { return Origin{Label: o.Label, Value: o.Value, Width: o.Width} }

// remember remembers an environment without what is evaluated in CUE, and with the
// places of its waivers.
func (g *gathered) remember(env *Environment) {
	g.inRegions = map[string]Origin{}
	slim := *env
	slim.Value, slim.Teams = cue.Value{}, slices.Clone(env.Teams)
	for i := range slim.Teams {
		slim.Teams[i].Value = cue.Value{}
	}
	slim.Waivers = slices.Clone(env.Waivers)
	for i := range slim.Waivers {
		origins := map[string]Origin{}
		for _, field := range []string{"", "rule", "object", "reason", "owner", "until"} {
			origins[field] = env.WaiverOrigin(i, field).plain()
		}
		slim.Waivers[i].origins = origins
	}
	slim.Releases = slices.Clone(env.Releases)
	for i := range slim.Releases {
		r := slim.Releases[i]
		slim.Releases[i] = r.Named()
		if _, known := g.inRegions[r.Helm]; r.Region != "" && !known {
			g.inRegions[r.Helm] = env.placeOf(r).plain()
		}
	}
	g.env = &slim
}

// Named returns the release without its values.
func (r Release) Named() Release {
	r.Values, r.tree = cue.Value{}, nil
	return r
}

// Environments returns what has been loaded, as [Load] would: the environments that are
// valid, without anything of CUE's, and what is wrong. ok is false if the contract
// itself is, so that there are none.
func (g *Gathering) Environments() (environments []*Environment, findings finding.List, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.contract) > 0 {
		return nil, g.contract, false
	}
	findings = slices.Clone(g.findings)
	for _, name := range g.names {
		env, found := g.joined(name)
		invalid := slices.ContainsFunc(g.findings, func(f finding.Finding) bool { return f.Environment == name })
		if len(found) > 0 || invalid {
			findings = append(findings, found...)
			continue
		}
		environments = append(environments, env)
	}
	return environments, findings.Sort(), true
}

// joined is [joined] of what is remembered.
func (g *Gathering) joined(name string) (*Environment, finding.List) {
	var parts []*gathered
	var places []map[string]Origin
	for _, f := range g.folders {
		if part := g.parts[f]; f.Environment == name && part != nil {
			parts = append(parts, part)
			places = append(places, part.places)
		}
	}
	var found []finding.List
	for _, part := range parts {
		found = append(found, part.findings)
	}
	findings := together(found)
	findings = append(findings, twice(name, places)...)
	if len(findings) > 0 {
		return nil, findings
	}
	env := *parts[0].env
	env.Releases, env.Waivers, env.Teams = slices.Clone(env.Releases), slices.Clone(env.Waivers), nil
	for _, part := range parts[1:] {
		findings = append(findings, part.joined...)
		env.Teams = append(env.Teams, part.env.Teams...)
		env.Waivers = append(env.Waivers, part.env.Waivers...)
		env.Releases = append(env.Releases, part.env.Releases...)
	}
	slices.SortFunc(env.Releases, byName)
	at := map[string]Origin{}
	for _, part := range parts {
		maps.Copy(at, part.inRegions)
	}
	findings = append(findings, clashes(name, env.Releases, func(r Release) Origin { return at[r.Helm] })...)
	return &env, append(findings, parts[0].misplaced...)
}
