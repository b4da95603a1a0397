package intake

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	helm "helm.sh/helm/v3/pkg/chart"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/finding"
)

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// defaultsOf reads the values.yaml of a chart; one without has no defaults.
func defaultsOf(repo fs.FS, name string) (*table, error) {
	file := path.Join(chart.Dir, name, "values.yaml")
	data, err := fs.ReadFile(repo, file)
	if isMissing(err) {
		return newTable(), nil
	} else if err != nil {
		return nil, err
	}
	s, findings := read(File{file, data})
	findings = slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Severity == finding.Warning })
	if len(findings) > 0 {
		return nil, findings
	}
	return tableOf(s.tree, s.root, file), nil
}

// infer returns the fields of the type of a chart's values as CUE, made from the
// chart's defaults, what its templates read, and all files.
func infer(repo fs.FS, c *chart.Chart, defaults *table, files []*table) (string, error) {
	root := &shape{table: true}
	for _, key := range defaults.keys {
		root.at(key).see(defaults.fields[key], true)
	}
	for _, file := range files {
		for _, key := range file.keys {
			root.at(key).see(file.fields[key], false)
		}
	}
	metadata := c.Metadata()
	found, err := readsOf(repo, c.Path())
	if err != nil {
		return "", fmt.Errorf("reading the templates of chart %s: %w", c.Name, err)
	}
	for _, p := range found.paths {
		if p[0] != approval {
			root.read(p)
		}
	}
	for _, p := range found.paths {
		// What is taken as a whole is passed on with whatever it holds.
		root.free(p)
	}
	dependencies(root, metadata)
	if found.all {
		root.freeAll()
	}
	if len(metadata.Dependencies) > 0 || root.below["global"] != nil {
		root.at("global").table = true
		root.at("global").freeAll()
	}
	var text strings.Builder
	root.fields(&text, root.keys, 1)
	if found.all {
		text.WriteString("\t...\n")
	}
	return text.String(), nil
}

// approval is the value that the approval branch adds; no environment sets it.
const approval = "approval"

// dependencies adds what belongs to the charts that a chart depends on. They have
// defaults of their own, so their tables take any key.
func dependencies(root *shape, metadata *helm.Metadata) {
	for _, d := range metadata.Dependencies {
		name := d.Name
		if d.Alias != "" {
			name = d.Alias
		}
		sub := root.at(name)
		sub.table = true
		sub.freeAll()
		if sub.doc == "" {
			sub.doc = fmt.Sprintf("# Values of the dependency %s %s, which has defaults of its own.", d.Name, d.Version)
		}
		for _, condition := range strings.Split(d.Condition, ",") {
			names := fields(strings.TrimSpace(condition))
			if len(names) == 0 {
				continue
			}
			s := root
			for _, name := range names[:len(names)-1] {
				s = s.at(name)
				s.table = true
			}
			last := s.at(names[len(names)-1])
			last.boolean, last.ours = true, true
		}
		if len(d.Tags) > 0 {
			tags := root.at("tags")
			tags.table = true
			for _, tag := range d.Tags {
				tags.at(tag).boolean, tags.at(tag).ours = true, true
			}
		}
	}
}
