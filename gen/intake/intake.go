// Package intake takes plain Helm values in: a chart from elsewhere and the files of
// values that a team has had for it, and writes them as CUE that means the same.
//
// It makes three things of them. The type of the values, for the contract: from the
// chart's values.schema.json if it has one, or else from its defaults, its templates
// and the files together. What all environments say alike, as defaults beside the
// type. And for each environment what it alone says. The chart's own defaults stay in
// the chart.
//
// Two readers look at each file. Helm's says what the values are, with all that YAML
// 1.1 makes of yes, 08 and 1e3; another knows places, order and comments, which go
// along. That both together mean what the files meant is not believed but proved, by
// rendering the chart both ways: see [Prove].
package intake

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Environment is an environment with the files that Helm reads for it, in Helm's
// order: the last one wins.
type Environment struct {
	Name  string
	Files []File
}

// Values are files of values, read and laid over one another, by environment.
type Values struct {
	Environments []Merged
}

// Merged is what Helm makes of the files of one environment.
type Merged struct {
	Environment
	values *table
	// head are the comments of the files that belong to no key.
	head string
}

// Tree returns the values as Helm has them, without the chart's defaults.
func (m Merged) Tree() map[string]any { return m.values.tree() }

// Place returns the line that sets the value at a path, or the nearest above it.
func (m Merged) Place(path []string) (p finding.Position, width int, ok bool) {
	e := m.values.find(path)
	if e == nil {
		return p, 0, false
	}
	return e.at, 1, true
}

// Read reads the files of all environments. The findings are of every file; if one is
// of severity error, there are no values.
func Read(envs []Environment) (*Values, finding.List) {
	var findings finding.List
	type result struct {
		source *source
		table  *table
	}
	known := map[string]result{}
	values := &Values{}
	for _, env := range envs {
		m := Merged{Environment: env, values: newTable()}
		for _, f := range env.Files {
			r, ok := known[f.Name]
			if !ok {
				var found finding.List
				r.source, found = read(f)
				findings = append(findings, found...)
				if r.source != nil {
					r.table = tableOf(r.source.tree, r.source.root, f.Name)
				}
				known[f.Name] = r
			}
			if r.table != nil {
				m.values = over(m.values, r.table)
				m.head = joinLines(m.head, r.source.head, r.source.foot)
			}
		}
		values.Environments = append(values.Environments, m)
	}
	findings = findings.Sort()
	if findings.Has(finding.Input) {
		return nil, findings
	}
	return values, findings
}

// Options say how values become CUE.
type Options struct {
	// Release is the name of the release in every environment, Team the team whose
	// folder has it, or "" for the environment's own.
	Release, Team string
	// Said is what the contract says already of the chart's values, by environment.
	// It is nil for a chart that the contract does not know: the type is then written
	// too, and what all environments have in common.
	Said map[string]map[string]any
	// Infer makes the type without the chart's schema.
	Infer bool
	// Keep writes down what the chart has by itself: its defaults, and null for what it
	// has not.
	Keep bool
	// Hide tells which texts are written as (hidden).
	Hide func(key, text string) bool
}

// Written is what values have become.
type Written struct {
	// Contract are the files of the contract, Environments those of environments in
	// the order of the values.
	Contract, Environments []environment.File
	// Described tells that the type comes from the chart's schema.
	Described bool
}

// Write returns the CUE files that values become. repo has the chart.
func Write(repo fs.FS, c *chart.Chart, values *Values, o Options) (*Written, error) {
	defaults, err := defaultsOf(repo, c.Name)
	if err != nil {
		return nil, err
	}
	var all []*table
	for _, m := range values.Environments {
		if o.Keep {
			all = append(all, m.values)
		} else {
			all = append(all, relevant(m.values, defaults, c))
		}
	}
	written := &Written{}
	own := make([]*table, len(all))
	if o.Said == nil {
		var shared *table
		shared, own = split(all, defaults.tree(), o.Keep)
		if written.Contract, written.Described, err = contract(repo, c, defaults, all, shared, o); err != nil {
			return nil, err
		}
	} else {
		for i, m := range values.Environments {
			own[i] = unlike(all[i], o.Said[m.Name], defaults.tree(), o.Keep)
		}
	}
	for i, m := range values.Environments {
		text, err := environmentFile(m, c.Name, own[i], o)
		if err != nil {
			return nil, err
		}
		written.Environments = append(written.Environments, environment.File{Path: EnvironmentFile(m.Name, o.Team, o.Release), Content: text})
	}
	return written, nil
}

// relevant leaves out each null that deletes nothing: the chart has no such default,
// nor can one of its dependencies have it.
func relevant(t, defaults *table, c *chart.Chart) *table {
	passed := map[string]bool{"global": true}
	for _, d := range c.Metadata().Dependencies {
		passed[d.Name], passed[d.Alias] = true, true
	}
	out := newTable()
	for _, key := range t.keys {
		if passed[key] {
			out.set(key, t.fields[key])
		} else if e := withoutNull(t.fields[key], defaults.fields[key]); e != nil {
			out.set(key, e)
		}
	}
	return out
}

func withoutNull(e, fallback *entry) *entry {
	switch {
	case e.table == nil && e.value == nil && fallback == nil:
		return nil
	case e.table == nil || !e.table.hasNull():
		return e
	}
	below := newTable()
	if fallback != nil && fallback.table != nil {
		below = fallback.table
	}
	out := newTable()
	for _, key := range e.table.keys {
		if kept := withoutNull(e.table.fields[key], below.fields[key]); kept != nil {
			out.set(key, kept)
		}
	}
	return withTable(e, out)
}

// EnvironmentFile returns the path of the file with a release of an environment, or of
// a team there.
func EnvironmentFile(env, team, release string) string {
	name := release + ".cue"
	if release == "env" || release == "release" {
		name = release + "_values.cue" // Those two have another meaning.
	}
	return path.Join(environment.Dir, env, team, name)
}

const contractImport = "import \"gitlab.com/towpath/towpath/envs/contract\"\n"

func environmentFile(m Merged, chartName string, own *table, o Options) ([]byte, error) {
	w := &writer{hide: o.Hide}
	fmt.Fprintf(w, "package %s\n\n%s\ncontract.#Environment & {\n\treleases: %s: {\n", packageName(m.Name), contractImport, label(o.Release))
	fmt.Fprintf(w, "\t\tchart: %s\n", quote(chartName))
	if head := commentText(m.head, "\t\t"); len(own.keys) > 0 {
		if head != "" {
			w.WriteString("\n" + head)
		}
		w.WriteString("\t\tvalues: {\n")
		w.table(own, 3)
		w.WriteString("\t\t}\n")
	} else if head != "" {
		w.WriteString("\n" + head)
	}
	w.WriteString("\t}\n}\n")
	return formatted(w.String())
}

func packageName(env string) string { return strings.ReplaceAll(env, "-", "_") }

// contract returns the files that a chart has in the contract.
func contract(repo fs.FS, c *chart.Chart, defaults *table, all []*table, shared *table, o Options) (files []environment.File, isDescribed bool, err error) {
	d, isDescribed := described{}, false
	if !o.Infer {
		d, isDescribed = describe(repo, c.Name, defaults, all)
	}
	source := "its values.schema.json"
	if !isDescribed {
		source = "its defaults, its templates and the files of values"
		if d.fields, err = infer(repo, c, defaults, all); err != nil {
			return nil, false, err
		}
	}
	base := contractBase(repo, c.Name)
	text := "package contract\n\n" + importText(d.imports) +
		commentText(fmt.Sprintf("# Values of the chart charts/%s. gen import has made the types from\n# %s; the defaults are the chart's own.", c.Name, source), "") +
		"#Charts: " + label(c.Name) + ": {\n" + d.fields + "}\n\n#Foreign: " + label(c.Name) + ": true\n"
	content, err := formatted(text)
	if err != nil {
		return nil, false, err
	}
	files = append(files, environment.File{Path: base + ".cue", Content: content})
	if len(shared.keys) == 0 {
		return files, isDescribed, nil
	}
	w := &writer{asDefault: true, hide: o.Hide}
	w.WriteString("package contract\n\n" + commentText("# What releases of the chart charts/"+c.Name+" have in common. An environment may say\n# otherwise.", ""))
	w.WriteString("#Charts: " + label(c.Name) + ": {\n")
	w.table(shared, 1)
	w.WriteString("}\n")
	if content, err = formatted(w.String()); err != nil {
		return nil, false, err
	}
	return append(files, environment.File{Path: base + "_shared.cue", Content: content}), isDescribed, nil
}

// contractBase returns the path of a chart's file in the contract, without its end:
// another file may have the name of the chart.
func contractBase(repo fs.FS, name string) string {
	base := path.Join(environment.Dir, "contract", name)
	data, err := fs.ReadFile(repo, base+".cue")
	if err == nil && !regexp.MustCompile(`(?m)^#Charts: `+regexp.QuoteMeta(label(name))+`: `).Match(data) {
		base += "_chart"
	}
	return base
}
