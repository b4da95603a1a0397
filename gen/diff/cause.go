package diff

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// state is one side of the comparison of a release.
type state struct {
	repo    fs.FS
	finder  *blame.Finder
	env     *environment.Environment
	release *environment.Release
	values  map[string]any
	objects []*object
	// tool and again are as in [Side].
	tool  string
	again []*object
}

// causer finds what made the fields of a release change.
type causer struct {
	from, to state
	values   []value
	// renamed are the pairs of renamed objects, with what made them change.
	renamed map[pair][]finding.Note
	// differs remembers which files do.
	differs    map[string]bool
	generators *generators
	// fieldsOnly is as in [Options].
	fieldsOnly bool
	// texts remembers objects as YAML.
	texts map[*object]string
}

// field returns the causes of one change, and notes the object with the values
// among them.
func (c *causer) field(p pair, e edit) []finding.Note {
	return c.generators.causes(p, e.path.String(), func() []finding.Note { return c.inState(p, e) })
}

// whole returns the causes of an object that comes or goes.
func (c *causer) whole(p pair, change Change) []finding.Note {
	return c.generators.causes(p, "", func() []finding.Note { return c.at(p, change, "", nil, nil) })
}

// inState returns the causes of one change that lie in the states.
func (c *causer) inState(p pair, e edit) []finding.Note {
	before, _ := e.before.(string)
	after, _ := e.after.(string)
	for _, other := range c.renames() {
		if other != p && before != "" && before == other.before.name && after == other.after.name {
			c.note(p, c.renamed[other])
			return append([]finding.Note{{
				Position: finding.Position{File: other.after.template},
				Message:  "follows " + other.after.id + ", which has a new name",
			}}, c.renamed[other]...)
		}
	}
	return c.at(p, e.change, e.path.String(), e.from, e.to)
}

// renames are the renamed pairs in a fixed order.
func (c *causer) renames() []pair {
	var pairs []pair
	for p := range c.renamed {
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.after.key, b.after.key) })
	return pairs
}

// note adds the object of a pair to the values that notes name.
func (c *causer) note(p pair, notes []finding.Note) {
	for _, note := range notes {
		for _, v := range c.values {
			if v.message() == note.Message {
				v.objects[p.id()] = true
			}
		}
	}
}

// at returns the causes of what changed at a path, or of an object as a whole for an
// empty one. name is the path as it is written.
func (c *causer) at(p pair, change Change, name string, from, to []string) []finding.Note {
	s, o, written := c.to, p.after, to
	if change == Removed {
		s, o, written = c.from, p.before, from
	}
	if s.finder == nil || s.release == nil {
		return nil
	}
	found := s.finder.Reads(o.rendered, o.written(written))
	var notes []finding.Note
	for _, v := range c.values {
		if slices.ContainsFunc(found.Reads, v.touches) && len(v.places) > 0 {
			v.objects[p.id()] = true
			notes = append(notes, finding.Note{Position: v.places[0], Message: v.message()})
		}
	}
	for _, v := range c.values {
		if len(notes) == 0 && v.rendered[p.id()][name] && len(v.places) > 0 {
			notes = append(notes, finding.Note{Position: v.places[0], Message: v.message()})
		}
	}
	if len(notes) == 0 {
		notes = c.other(s, o, found)
	}
	return notes
}

// other returns causes that are no values: the template, the chart's version, the
// approval, the environment's namespace.
func (c *causer) other(s state, o *object, found blame.Read) []finding.Note {
	for _, read := range found.Reads {
		if len(read) > 0 && read[0] == "approval" && c.changed(s.env.ApprovalFile()) {
			return []finding.Note{{Position: finding.Position{File: s.env.ApprovalFile()}, Message: "the approval"}}
		}
	}
	for _, at := range []finding.Position{found.Template, {File: o.template}} {
		if at.File != "" && c.changed(at.File) {
			return []finding.Note{{Position: at, Message: "the template"}}
		}
	}
	if c.from.env == nil || c.to.env == nil {
		return nil
	}
	for _, setting := range []struct{ path, before, after string }{
		{"namespace", c.from.env.Namespace, c.to.env.Namespace},
		{"cluster.kubernetesVersion", c.from.env.Cluster.KubernetesVersion, c.to.env.Cluster.KubernetesVersion},
	} {
		if setting.before == setting.after {
			continue
		}
		origins := environment.Origins(s.env.Value.LookupPath(cue.ParsePath(setting.path)))
		if len(origins) > 0 {
			return []finding.Note{{Position: origins[0].Label, Message: "the environment's " + setting.path}}
		}
	}
	chart, _, _ := strings.Cut(o.template, "/templates/")
	return c.inChart(chart)
}

// inChart returns the first file of a chart that differs, Chart.yaml before all.
func (c *causer) inChart(dir string) []finding.Note {
	file := path.Join(dir, "Chart.yaml")
	if c.changed(file) {
		text, _ := fs.ReadFile(c.to.repo, file)
		at := blame.Line(string(text), []string{"version"})
		at.File = file
		return []finding.Note{{Position: at, Message: "the chart"}}
	}
	var notes []finding.Note
	_ = fs.WalkDir(c.to.repo, dir, func(name string, d fs.DirEntry, err error) error {
		// Another object's template has no say, other than what templates share.
		shared := !strings.HasPrefix(name, dir+"/templates/") || strings.HasPrefix(path.Base(name), "_")
		if err == nil && !d.IsDir() && shared && len(notes) == 0 && c.changed(name) {
			notes = append(notes, finding.Note{Position: finding.Position{File: name}, Message: "the chart"})
		}
		return nil // A chart that can't be read has not been rendered.
	})
	return notes
}

// changed reports whether a file differs between the two states.
func (c *causer) changed(file string) bool {
	if differs, known := c.differs[file]; known {
		return differs
	}
	read := func(repo fs.FS) []byte {
		if repo == nil {
			return nil
		}
		text, err := fs.ReadFile(repo, file)
		if err != nil {
			return nil // It is not there.
		}
		return text
	}
	c.differs[file] = !bytes.Equal(read(c.from.repo), read(c.to.repo))
	return c.differs[file]
}

// distinct drops repetitions and keeps the order.
func distinct(notes []finding.Note) []finding.Note {
	seen := map[finding.Note]bool{}
	var kept []finding.Note
	for _, note := range notes {
		if !seen[note] {
			seen[note] = true
			kept = append(kept, note)
		}
	}
	return kept
}
