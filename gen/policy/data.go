package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cuelang.org/go/cue/ast"
	cuejson "cuelang.org/go/encoding/json"
)

// Data is what rules over values look at: environments as maps, slices, strings,
// numbers, booleans and null, by name. Releases are held as text, as there may be any
// number of them. It can be added to from many goroutines.
type Data struct {
	mu           sync.Mutex
	environments map[string]*environmentData
}

// environmentData is one environment.
type environmentData struct {
	fields   map[string]any // without releases
	releases map[string]releaseData
}

// releaseData is a release as text, and the name that it has in the environment's CUE.
type releaseData struct {
	helm string
	text []byte
}

// Add adds an environment.
func (d *Data) Add(name string, env map[string]any) error {
	fields := maps.Clone(env)
	delete(fields, "releases")
	releases, _ := env["releases"].(map[string]any)
	if err := d.AddReleases(name, releases); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.environments[name].fields = fields
	return nil
}

// AddReleases adds releases to an environment, which may be added later.
func (d *Data) AddReleases(name string, releases map[string]any) error {
	packed := make(map[string]releaseData, len(releases))
	for release, values := range releases {
		text, err := asText(values)
		if err != nil {
			return fmt.Errorf("reading release %s of environment %s: %w", release, name, err)
		}
		data := releaseData{helm: release, text: text}
		if tree, ok := values.(map[string]any); ok {
			if helm, ok := tree["name"].(string); ok {
				data.helm = helm
			}
		}
		packed[release] = data
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.environments == nil {
		d.environments = map[string]*environmentData{}
	}
	known, ok := d.environments[name]
	if !ok {
		known = &environmentData{releases: map[string]releaseData{}}
		d.environments[name] = known
	}
	maps.Copy(known.releases, packed)
	return nil
}

// Append adds to a list of an environment that was added.
func (d *Data) Append(env, field string, more []any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fields := d.environments[env].fields
	list, _ := fields[field].([]any)
	fields[field] = append(list, more...)
}

// Remove removes an environment.
func (d *Data) Remove(env string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.environments, env)
}

// asText returns a value as JSON that is CUE as well.
func asText(value any) ([]byte, error) {
	text, err := json.Marshal(marked(value))
	// CUE takes a byte order mark at the beginning of a file only.
	return bytes.ReplaceAll(text, []byte("\ufeff"), []byte(`\ufeff`)), err
}

// marked returns a value with each number that is a float64 written as one: JSON would
// make 1.0 a whole number.
func marked(value any) any {
	switch value := value.(type) {
	case map[string]any:
		tree := make(map[string]any, len(value))
		for key, v := range value {
			tree[key] = marked(v)
		}
		return tree
	case []any:
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = marked(v)
		}
		return list
	case float64:
		text := strconv.FormatFloat(value, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	}
	return value
}

// part is some of the data in CUE.
type part struct {
	// file has the environments in a field called data.
	file *ast.File
	// fields are the names of those of each environment.
	fields map[string][]string
	// releases is how many there are.
	releases int
}

// dataName is what the field of a part is called.
const dataName = "data"

// part returns all environments, with those of their releases that wanted has; nil is
// all of them.
func (d *Data) part(wanted map[string][]string) (part, error) {
	p := part{fields: map[string][]string{}}
	var environments []any
	for _, name := range slices.Sorted(maps.Keys(d.environments)) {
		env := d.environments[name]
		names := wanted[name]
		if wanted == nil {
			names = slices.Sorted(maps.Keys(env.releases))
		}
		var releases []any
		for _, release := range names {
			expr, err := cuejson.Extract(dataName, env.releases[release].text)
			if err != nil {
				return part{}, fmt.Errorf("reading release %s of environment %s: %w", release, name, err)
			}
			releases = append(releases, ast.NewString(release), expr)
		}
		p.releases += len(names)
		var fields []any
		for _, field := range slices.Sorted(maps.Keys(env.fields)) {
			text, err := asText(env.fields[field])
			if err != nil {
				return part{}, fmt.Errorf("reading %s of environment %s: %w", field, name, err)
			}
			expr, err := cuejson.Extract(dataName, text)
			if err != nil {
				return part{}, fmt.Errorf("reading %s of environment %s: %w", field, name, err)
			}
			p.fields[name] = append(p.fields[name], field)
			fields = append(fields, ast.NewString(field), expr)
		}
		p.fields[name] = append(p.fields[name], "releases")
		fields = append(fields, ast.NewString("releases"), ast.NewStruct(releases...))
		environments = append(environments, ast.NewString(name), ast.NewStruct(fields...))
	}
	p.file = &ast.File{Decls: []ast.Decl{&ast.Field{Label: ast.NewIdent(dataName), Value: ast.NewStruct(environments...)}}}
	return p, nil
}

// given returns what rules are given to judge an environment of the part. It has fields
// that refer to those of the part, so that CUE evaluates these once and shares them: given
// as values, they would be evaluated anew for each environment that is judged, and again
// for each rule that hands a release's values on.
func (p part) given(judged string) *ast.File {
	env := func(name string) ast.Expr {
		var fields []any
		for _, field := range p.fields[name] {
			of := &ast.IndexExpr{X: ast.NewIdent(dataName), Index: ast.NewString(name)}
			fields = append(fields, ast.NewString(field), &ast.IndexExpr{X: of, Index: ast.NewString(field)})
		}
		return ast.NewStruct(fields...)
	}
	var all []any
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		all = append(all, ast.NewString(name), env(name))
	}
	return &ast.File{Decls: []ast.Decl{
		&ast.Field{Label: ast.NewIdent(judgedName), Value: env(judged)},
		&ast.Field{Label: ast.NewIdent(allName), Value: ast.NewStruct(all...)},
	}}
}

// partReleases is how many releases rules look at together, at least those of one name:
// few, as some rules hold each against each, and enough for what each evaluation repeats.
const partReleases = 48

// parts returns the releases in parts, those of one name together, by environment.
func (d *Data) parts() []map[string][]string {
	type place struct{ env, release string }
	// Releases are of one name if either of their two is the same; or if both are of one
	// name with a third.
	groups := map[string]string{}
	var root func(key string) string
	root = func(key string) string {
		above, ok := groups[key]
		if !ok {
			groups[key] = key
			return key
		}
		if above != key {
			above = root(above)
			groups[key] = above
		}
		return above
	}
	eachRelease := func(f func(env, release, application, helm string)) {
		for _, env := range slices.Sorted(maps.Keys(d.environments)) {
			releases := d.environments[env].releases
			for _, release := range slices.Sorted(maps.Keys(releases)) {
				f(env, release, "application "+release, "helm "+releases[release].helm)
			}
		}
	}
	eachRelease(func(_, _, application, helm string) { groups[root(application)] = root(helm) })
	members := map[string][]place{}
	var order []string
	eachRelease(func(env, release, application, _ string) {
		group := root(application)
		if members[group] == nil {
			order = append(order, group)
		}
		members[group] = append(members[group], place{env, release})
	})
	var parts []map[string][]string
	size := partReleases
	for _, group := range order {
		if size+len(members[group]) > partReleases {
			parts = append(parts, map[string][]string{})
			size = 0
		}
		size += len(members[group])
		for _, m := range members[group] {
			last := parts[len(parts)-1]
			last[m.env] = append(last[m.env], m.release)
		}
	}
	return parts
}
