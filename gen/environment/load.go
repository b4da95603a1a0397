package environment

import (
	"fmt"
	"io/fs"
	"iter"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Set is a number of environments that were loaded together.
type Set struct {
	Environments []*Environment
}

// Load loads the named environments from the repository's root file system.
//
// If an environment is invalid, the error is a [finding.List] with everything
// that is wrong in any of them; the Set then holds those that are valid.
func Load(repo fs.FS, names []string) (*Set, error) {
	folders, findings, err := foldersOf(repo, names)
	if err != nil {
		return nil, err
	}
	l := NewLoader(repo)
	contract, parts, err := l.parts(folders)
	if err != nil {
		return nil, err
	}
	return l.loadAll(contract, parts, findings)
}

// loadAll makes environments of their parts. The findings are of folders that can't be
// parts.
func (l *Loader) loadAll(contract *build.Instance, parts []part, findings finding.List) (*Set, error) {
	results, invalid := l.loadEach(contract, parts)
	if len(invalid) > 0 {
		return nil, invalid
	}
	set := &Set{}
	for parts, results := range byEnvironment(parts, results) {
		env, found := joined(parts, results)
		if len(found) > 0 || slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Environment == parts[0].env }) {
			findings = append(findings, found...)
		} else {
			set.Environments = append(set.Environments, env)
		}
	}
	return set, findings.Sort().Err()
}

// byEnvironment gives the parts of each environment, its own folder before those of its
// teams, with what came of them.
func byEnvironment(parts []part, results []loaded) iter.Seq2[[]part, []loaded] {
	return func(yield func([]part, []loaded) bool) {
		for from := 0; from < len(parts); {
			to := from + 1
			for to < len(parts) && parts[to].team != "" {
				to++
			}
			if !yield(parts[from:to], results[from:to]) {
				return
			}
			from = to
		}
	}
}

// loadEach evaluates the parts, or returns what is wrong with the contract.
func (l *Loader) loadEach(contract *build.Instance, parts []part) (results []loaded, invalid finding.List) {
	if contract.Err != nil {
		return nil, CUEFindings(contract.Err).Sort()
	}
	inheritAll(parts)
	results, err := l.loadParts(contract, parts)
	if err != nil {
		// Every environment repeats the contract's own errors.
		return nil, CUEFindings(err).Sort()
	}
	return results, nil
}

// part is a package of CUE that an environment is made of: its own folder, or that
// of one of its teams.
type part struct {
	env, team string
	inst      *build.Instance
	// pkg is the name of the environment's package, and inherited are the names of
	// the releases that it writes: of the environment's folder, for a team's.
	pkg       string
	inherited map[string]bool
}

// dir returns the part's folder, relative to the repository's root.
func (p part) dir() string { return path.Join(Dir, p.env, p.team) }

// own returns the files that stand in the part's folder.
func (p part) own() []*ast.File {
	var own []*ast.File
	for _, file := range p.inst.Files {
		if path.Dir(repoPath(file.Filename)) == p.dir() {
			own = append(own, file)
		}
	}
	return own
}

// loaded is what came of a part.
type loaded struct {
	// env is nil if something is wrong. A team's has the team's releases and waivers
	// only.
	env      *Environment
	value    cue.Value
	text     teamText
	findings finding.List
}

// partsPerContext is how many parts are worth a context of CUE's, in which they are
// evaluated apart from the others: each compiles the contract anew.
const partsPerContext = 4

// loadParts evaluates the parts, several at once if there are many. If one of them
// is invalid because the contract itself is, it returns what is wrong with that.
func (l *Loader) loadParts(contract *build.Instance, parts []part) ([]loaded, error) {
	results := make([]loaded, len(parts))
	workers := max(1, min(runtime.GOMAXPROCS(0), len(parts)/partsPerContext))
	var group errgroup.Group
	for first := range workers {
		group.Go(func() error {
			ctx := cuecontext.New()
			// Most of the time is spent on evaluating the contract, once by itself and
			// once with each part. By itself it is only needed for those that are
			// wrong, or do not join it themselves.
			build := sync.OnceValue(func() cue.Value { return ctx.BuildInstance(contract) })
			broken := false
			for i := first; i < len(parts); i += workers {
				if parts[i].team == "" {
					results[i] = loadOne(ctx, build, parts[i], l.same)
				} else {
					results[i] = loadTeam(ctx, build, parts[i], l.same)
				}
				broken = broken || len(results[i].findings) > 0
			}
			if broken {
				return build().Err()
			}
			return nil
		})
	}
	return results, group.Wait()
}

// together returns what is wrong with the folders of an environment, its own first.
func together(folders []finding.List) finding.List {
	findings := slices.Clone(folders[0])
	for _, found := range folders[1:] {
		for _, f := range found {
			// What is wrong with the environment itself is so in each of its teams.
			if !slices.ContainsFunc(folders[0], func(known finding.Finding) bool { return known.Rule == f.Rule && known.Message == f.Message }) {
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// joined makes an environment of what came of its parts, its own folder first. A
// [Gathering] does the same with less at hand.
func joined(parts []part, results []loaded) (*Environment, finding.List) {
	env := results[0].env
	var found []finding.List
	var places []map[string]Origin
	for _, l := range results {
		found, places = append(found, l.findings), append(places, l.places())
	}
	findings := append(together(found), twice(parts[0].env, places)...)
	if len(findings) > 0 {
		return nil, findings
	}
	for i, l := range results[1:] {
		findings = append(findings, env.join(parts[i+1], l)...)
	}
	slices.SortFunc(env.Releases, byName)
	return env, append(findings, slices.Concat(env.clashes(), env.misplaced())...)
}

// LoadContract loads the contract alone.
func LoadContract(repo fs.FS) (*build.Instance, error) {
	contract, _, err := partsOf(repo, nil, nil)
	return contract, err
}

// LoadPolicy loads the rules over values, or nil if the repository has none.
func LoadPolicy(repo fs.FS) (*build.Instance, error) {
	files, err := fs.Glob(repo, path.Join(Dir, "policy", "*.cue"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return instances(repo, nil, "policy")[0], nil
}

// parseFile parses a file of CUE; nil is CUE's own way.
type parseFile func(name string, src any, cfg parser.Config) (*ast.File, error)

// partsOf parses the contract and the parts that the folders are, files in common
// once. Errors in the CUE itself are left in the instances.
func partsOf(repo fs.FS, folders []Folder, parse parseFile) (contract *build.Instance, parts []part, err error) {
	dirs := []string{"contract"}
	for _, f := range folders {
		dirs = append(dirs, path.Join(f.Environment, f.Team))
		parts = append(parts, part{env: f.Environment, team: f.Team})
	}
	all := instances(repo, parse, dirs...)
	if len(all) != len(dirs) {
		return nil, nil, fmt.Errorf("loading %s: CUE returned %d packages for %d folders", Dir, len(all), len(dirs))
	}
	for i := range parts {
		parts[i].inst = all[i+1]
	}
	return all[0], parts, nil
}

// instances parses the packages in folders below the one of environments.
//
// The file system holds the files of the repository and nothing else, so that an
// environment can't read the machine, and no registry is asked.
func instances(repo fs.FS, parse parseFile, dirs ...string) []*build.Instance {
	args := make([]string, len(dirs))
	for i, dir := range dirs {
		args[i] = "./" + dir
	}
	return load.Instances(args, &load.Config{FS: repo, Dir: "/" + Dir, Registry: noRegistry{}, ParseFile: parse})
}

// inheritAll gives each team's part what it takes from the environment's.
func inheritAll(parts []part) {
	var env part
	var in *inherited
	for i := range parts {
		p := &parts[i]
		if p.team == "" {
			env, in = *p, nil
			continue
		}
		p.pkg = env.inst.PkgName
		if env.inst.Err != nil || p.inst.Err != nil || p.inst.PkgName != p.pkg {
			continue
		}
		if in == nil {
			var err error
			if in, err = inherit(env.inst); err != nil {
				continue // The environment's files then come as they are.
			}
		}
		p.inherited = in.releases
		p.inst = in.inheriting(p.inst, p.own())
	}
}

func loadOne(ctx *cue.Context, contract func() cue.Value, p part, same *untouched) loaded {
	inst, name := p.inst, p.env
	failed := func(findings finding.List) loaded {
		return loaded{text: readTeam(inst.Files), findings: withEnvironment(findings, name)}
	}
	if inst.Err != nil {
		return failed(CUEFindings(inst.Err))
	}
	v, closed := built(ctx, inst)
	if found := unresolved(v.Err()); len(found) > 0 {
		return failed(found)
	}
	d := diagnosis{env: name, files: filesByPath(inst.Files)}
	j := judged{func(string) bool { return true }, hasRegions(v)}
	invalid := j.regional && !j.valid(v) || !j.regional && v.Validate(cue.Concrete(true)) != nil
	if invalid || !closed {
		// The files of an environment join the contract themselves, so that
		// CUE's own tools check them too. Joining it here once more makes sure
		// that leaving the line out does not leave the contract.
		d.contract, d.foreign = contract(), j.elsewhere
		v = v.Unify(d.contract.LookupPath(cue.ParsePath("#Environment")))
		d.diagnose(v)
		if len(d.findings) > 0 {
			return failed(d.findings)
		}
	}
	keys := d.findStray(v, j.mine)
	if len(d.findings) > 0 {
		return failed(d.findings)
	}
	env := &Environment{Value: v}
	if err := v.Decode(env); err != nil {
		return failed(CUEFindings(err))
	}
	if env.Name != name {
		d.add(v.LookupPath(cue.ParsePath("name")), finding.Finding{
			Rule:    "wrong-folder",
			Message: fmt.Sprintf("the environment in %s/%s is named %q", Dir, name, env.Name),
			Help:    fmt.Sprintf("write name: %q, or rename the folder", name),
		})
		return failed(d.findings)
	}
	var err error
	if env.Releases, err = releasesOf(v, "", env.Regions, j.mine, keys, same); err != nil {
		return failed(CUEFindings(err))
	}
	return loaded{env: env, value: v, text: readTeam(inst.Files)}
}

// built evaluates a package, and reports whether it is closed as the contract is.
func built(ctx *cue.Context, inst *build.Instance) (v cue.Value, closed bool) {
	if !joinsContract(inst) {
		return ctx.BuildInstance(inst), false
	}
	return ctx.BuildInstance(joinOnce(inst)), true
}

func hasRegions(v cue.Value) bool {
	regions, err := v.LookupPath(regionsPath).Fields()
	return err == nil && regions.Next()
}

// The paths of what is read of each release.
var (
	regionsPath  = cue.ParsePath("regions")
	releasesPath = cue.ParsePath("releases")
	namePath     = cue.ParsePath("name")
	chartPath    = cue.ParsePath("chart")
	valuesPath   = cue.ParsePath("values")
	typePath     = cue.MakePath(cue.Hid("_type", contractPackage))
	foreignPath  = cue.MakePath(cue.Hid("_foreign", contractPackage))
)

// releasesOf returns the releases of a folder, without those that are not its own. The keys
// of their values are known of those that are in no regions.
func releasesOf(v cue.Value, team string, regions map[string]Region, mine func(name string) bool, keys map[string][]key, same *untouched) ([]Release, error) {
	fields := v.LookupPath(releasesPath)
	if !fields.Exists() {
		return nil, nil
	}
	all, err := fields.Fields()
	if err != nil {
		return nil, err
	}
	var releases []Release
	for all.Next() {
		if !mine(all.Selector().Unquoted()) {
			continue
		}
		release := Release{Team: team}
		// Decoding it as a whole would put all of its values in order first.
		if release.Name, err = all.Value().LookupPath(namePath).String(); err != nil {
			return nil, err
		}
		if release.Chart, err = all.Value().LookupPath(chartPath).String(); err != nil {
			return nil, err
		}
		release.Foreign, _ = all.Value().LookupPath(foreignPath).Bool()
		releases = append(releases, inRegions(release, all.Value(), regions, keys[all.Selector().Unquoted()], same)...)
	}
	slices.SortFunc(releases, byName)
	return releases, nil
}

// filesByPath returns the files by their paths, relative to the repository's root.
func filesByPath(files []*ast.File) map[string]*ast.File {
	byPath := map[string]*ast.File{}
	for _, file := range files {
		byPath[repoPath(file.Filename)] = file
	}
	return byPath
}

// repoPath makes CUE's file names, rooted in the file system that it was given,
// relative to the repository's root.
func repoPath(name string) string {
	return strings.TrimPrefix(path.Clean(name), "/")
}

func withEnvironment(findings finding.List, name string) finding.List {
	for i := range findings {
		findings[i].Environment = name
	}
	return findings
}
