package environment

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"gitlab.com/towpath/towpath/gen/finding"
)

// TeamsDir is the folder of the packages with what the releases of a team have in
// common, one per team, which its folders import.
const TeamsDir = Dir + "/teams"

// Team is the folder of a team in an environment.
type Team struct {
	Name string `json:"name"`
	// Value is the environment in CUE with the team's releases and without those of
	// anybody else. What it says beside releases and waivers is the same as in the
	// environment's own.
	Value cue.Value `json:"-"`
}

// teamFolders returns the names of the folders in an environment's that hold CUE,
// ordered, and what is wrong with folders that do.
func teamFolders(repo fs.FS, env string) ([]string, finding.List, error) {
	dir := path.Join(Dir, env)
	folders, err := cueFolders(repo, dir)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	var findings finding.List
	misplaced := func(folder, message, help string) {
		findings = append(findings, finding.Finding{
			Rule: "team-folder", Severity: finding.Error, Environment: env,
			Position: finding.Position{File: folder}, Message: message, Help: help,
		})
	}
	for _, name := range folders {
		folder := path.Join(dir, name)
		if !validName.MatchString(name) {
			misplaced(folder, fmt.Sprintf("a team can't be called %q", name), "rename the folder: small letters, digits and dashes, and a letter first")
			continue
		}
		deeper, err := cueFolders(repo, folder)
		if err != nil {
			return nil, nil, err
		}
		for _, inner := range deeper {
			misplaced(path.Join(folder, inner), "nothing reads the CUE in this folder", "move it up into "+folder)
		}
		files, err := fs.Glob(repo, folder+"/*.cue")
		if err != nil {
			return nil, nil, err
		}
		if len(files) > 0 {
			names = append(names, name)
		}
	}
	return names, findings, nil
}

// cueFolders returns the names of the folders in dir that hold CUE, at any depth,
// ordered.
func cueFolders(repo fs.FS, dir string) ([]string, error) {
	entries, err := fs.ReadDir(repo, dir)
	if err != nil {
		return nil, fmt.Errorf("listing the teams of %s: %w", dir, err)
	}
	var names []string
	for _, entry := range entries {
		// What is produced is no CUE, and there is much of it.
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || entry.Name() == valuesDir {
			continue
		}
		holds := false
		err := fs.WalkDir(repo, path.Join(dir, entry.Name()), func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && path.Ext(name) == ".cue" {
				holds = true
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("listing the teams of %s: %w", dir, err)
		}
		if holds {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// teamText is what the files of a team's folder say at the top, as far as it can be
// told from their text.
type teamText struct {
	// releases are the names of releases, with the first place that has each, without what
	// stands there.
	releases map[string]Origin
	// others are the fields that belong to the environment and not to a team.
	others []setting
}

type setting struct {
	name string
	Origin
}

func readTeam(files []*ast.File) teamText {
	text := teamText{releases: map[string]Origin{}}
	for _, file := range files {
		eachField(file.Decls, func(name string, field *ast.Field) {
			switch {
			case strings.HasPrefix(name, "_"), strings.HasPrefix(name, "#"), name == "waivers":
			case name == "releases":
				inStructs(field.Value, func(lit *ast.StructLit) {
					eachField(lit.Elts, func(name string, field *ast.Field) {
						if _, known := text.releases[name]; !known {
							text.releases[name] = keyOf(field)
						}
					})
				})
			default:
				text.others = append(text.others, setting{name, keyOf(field)})
			}
		})
	}
	return text
}

// eachField calls f with the fields of a struct that have a plain name, those of
// structs that it embeds and those under conditions included.
func eachField(decls []ast.Decl, f func(name string, field *ast.Field)) {
	for _, decl := range decls {
		switch d := decl.(type) {
		case *ast.EmbedDecl:
			inStructs(d.Expr, func(lit *ast.StructLit) { eachField(lit.Elts, f) })
		case *ast.Comprehension:
			inStructs(d.Value, func(lit *ast.StructLit) { eachField(lit.Elts, f) })
		case *ast.Field:
			if name, _, err := ast.LabelName(d.Label); err == nil {
				f(name, d)
			}
		}
	}
}

// inStructs calls f with the structs that an expression unifies.
func inStructs(expr ast.Expr, f func(*ast.StructLit)) {
	switch x := expr.(type) {
	case *ast.StructLit:
		f(x)
	case *ast.BinaryExpr:
		inStructs(x.X, f)
		inStructs(x.Y, f)
	case *ast.ParenExpr:
		inStructs(x.X, f)
	case *ast.Comprehension:
		inStructs(x.Value, f)
	}
}

// loadTeam evaluates a team's folder.
func loadTeam(ctx *cue.Context, contract func() cue.Value, p part, same *untouched) loaded {
	failed := func(findings finding.List) loaded {
		return loaded{findings: withEnvironment(findings, p.env)}
	}
	if p.inst.Err != nil {
		return failed(CUEFindings(p.inst.Err))
	}
	own := p.own()
	d := diagnosis{env: p.env, files: filesByPath(own)}
	if p.pkg != "" && p.inst.PkgName != p.pkg {
		d.addAt(packagePlace(own), finding.Finding{
			Rule:    "team-folder",
			Message: fmt.Sprintf("the package is %s, and that of the environment %s", p.inst.PkgName, p.pkg),
			Help:    fmt.Sprintf("write package %s: the folder then has what the environment says", p.pkg),
		})
		return failed(d.findings)
	}
	v, closed := built(ctx, p.inst)
	if found := unresolved(v.Err()); len(found) > 0 {
		return failed(found)
	}
	text := readTeam(own)
	mine := func(release string) bool {
		if p.inherited[release] {
			return false // It is written twice, and that is all there is to say of it.
		}
		if _, ok := text.releases[release]; ok {
			return true
		}
		return slices.ContainsFunc(Origins(v.LookupPath(releasePath(release))), func(o Origin) bool {
			// What stands behind a pattern has no key: it makes no release.
			return path.Dir(o.Label.File) == p.dir() && o.Label != o.Value
		})
	}
	j := judged{mine, hasRegions(v)}
	if !j.valid(v) || !closed {
		d.contract, d.foreign = contract(), j.elsewhere
		v = v.Unify(d.contract.LookupPath(cue.ParsePath("#Environment")))
		d.diagnose(v)
	}
	var keys map[string][]key
	if len(d.findings) == 0 {
		keys = d.findStray(v, j.mine)
	}
	for _, s := range text.others {
		if !slices.ContainsFunc(d.findings, func(f finding.Finding) bool { return f.Position == s.Label }) {
			d.addAt(s.Origin, finding.Finding{
				Rule:    "team-setting",
				Message: fmt.Sprintf("%s belongs to the environment, and this is the folder of team %s", s.name, p.team),
				Allowed: "releases, waivers",
				Help:    fmt.Sprintf("set it in %s/%s", Dir, p.env),
			})
		}
	}
	l := loaded{text: text, value: v, findings: withEnvironment(d.findings, p.env)}
	if len(l.findings) > 0 {
		return l
	}
	l.env = &Environment{}
	if err := v.Decode(l.env); err != nil {
		l.findings = withEnvironment(CUEFindings(err), p.env)
		return l
	}
	for i := range l.env.Waivers {
		l.env.Waivers[i].Team = p.team
	}
	var err error
	if l.env.Releases, err = releasesOf(v, p.team, l.env.Regions, mine, keys, same); err != nil {
		l.findings = withEnvironment(CUEFindings(err), p.env)
	}
	return l
}

// packagePlace returns the place of the first file's package clause.
func packagePlace(files []*ast.File) Origin {
	for _, file := range files {
		for _, decl := range file.Decls {
			if p, ok := decl.(*ast.Package); ok {
				at := position(p.Name.Pos())
				return Origin{Label: at, Value: at, Width: len(p.Name.Name)}
			}
		}
	}
	return Origin{}
}

// join adds what the team's folder says to its environment. It returns what is
// wrong with the two together.
func (e *Environment) join(p part, l loaded) finding.List {
	d := diagnosis{env: p.env, files: filesByPath(p.own())}
	if field := differs(e, l.env); field != "" {
		// The text does not show it: it comes by way of another package, or of a
		// field that the environment's own files look at.
		d.addAt(d.root(), finding.Finding{
			Rule:    "team-setting",
			Message: fmt.Sprintf("the folder of team %s changes %s of the environment", p.team, field),
			Allowed: "releases, waivers",
			Help:    fmt.Sprintf("see what it embeds, and which fields of %s/%s it sets", Dir, p.env),
		})
	}
	e.Teams = append(e.Teams, Team{Name: p.team, Value: l.value})
	e.Waivers = append(e.Waivers, l.env.Waivers...)
	e.Releases = append(e.Releases, l.env.Releases...)
	return withEnvironment(d.findings, p.env)
}

// differs returns the name of the first field in which a team's view of the
// environment is not the environment's own, or "".
func differs(env, view *Environment) string {
	a, b := reflect.ValueOf(*env), reflect.ValueOf(*view)
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || name == "waivers" {
			continue
		}
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return name
		}
	}
	return ""
}

// twice reports releases that more than one folder of an environment writes: its
// own, which is the first, or those of its teams. Each has the places of its releases.
func twice(env string, folders []map[string]Origin) finding.List {
	first := map[string]Origin{}
	d := diagnosis{env: env}
	for _, mine := range folders {
		for _, name := range slices.Sorted(maps.Keys(mine)) {
			other, known := first[name]
			if !known {
				first[name] = mine[name]
				continue
			}
			d.addAt(mine[name], finding.Finding{
				Rule:    "duplicate-release",
				Message: fmt.Sprintf("%s has a release %s already", env, name),
				Help:    "give one of the two another name: a release belongs to one folder",
				Notes:   []finding.Note{{Position: other.Label, Message: "the other one"}},
			})
		}
	}
	return withEnvironment(d.findings, env)
}

// places returns the place that writes each release of a folder.
func (l loaded) places() map[string]Origin {
	places := maps.Clone(l.text.releases)
	if l.env == nil {
		return places
	}
	for _, release := range l.env.Releases {
		if _, known := places[release.Name]; !known {
			// Its name is computed, or the contract adds it.
			if origins := Origins(l.value.LookupPath(releasePath(release.Name))); len(origins) > 0 {
				places[release.Name] = origins[0]
			}
		}
	}
	return places
}

func releasePath(name string) cue.Path { return cue.MakePath(cue.Str("releases"), cue.Str(name)) }
