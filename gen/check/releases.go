package check

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// Rendered is a release with its objects.
type Rendered struct {
	Environment *environment.Environment
	Release     environment.Release
	Objects     []manifest.Object
	// Broken tells that there are no objects because something is wrong.
	Broken bool
}

// Releases renders the releases of the environments and reports what is wrong
// with them: with their charts, the values that their charts accept, and their
// objects.
func Releases(renderer *render.Renderer, finder *blame.Finder, selected []*environment.Environment, o Options) ([]Rendered, finding.List, error) {
	type result struct {
		findings finding.List
		objects  []manifest.Object
	}
	var group errgroup.Group
	group.SetLimit(o.Jobs)
	results := make([][]result, len(selected))
	var done atomic.Int64
	total := 0
	for _, env := range selected {
		total += len(env.Releases)
	}
	for i, env := range selected {
		results[i] = make([]result, len(env.Releases))
		for j, release := range env.Releases {
			group.Go(func() error {
				findings, objects, err := Release(renderer, finder, env, release)
				results[i][j] = result{findings, objects}
				if o.Progress != nil {
					o.Progress(int(done.Add(1)), total)
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	var findings finding.List
	var rendered []Rendered
	for i, env := range selected {
		owned := map[string]map[string][]manifest.Object{} // By region: each is a cluster of its own.
		for j, release := range env.Releases {
			findings = append(findings, results[i][j].findings...)
			objects := results[i][j].objects
			rendered = append(rendered, Rendered{env, release, objects, objects == nil && len(results[i][j].findings) > 0})
			if owned[release.Region] == nil {
				owned[release.Region] = map[string][]manifest.Object{}
			}
			owned[release.Region][release.Name] = objects
		}
		for _, region := range slices.Sorted(maps.Keys(owned)) {
			for _, f := range manifest.Duplicates(owned[region]) {
				f.Environment = env.Name
				findings = append(findings, f)
			}
		}
	}
	return rendered, findings, nil
}

// Release checks one release, and returns its objects if it renders.
func Release(renderer *render.Renderer, finder *blame.Finder, env *environment.Environment, release environment.Release) (finding.List, []manifest.Object, error) {
	c, err := renderer.Chart(release.Chart)
	if err != nil {
		findings, rest := finding.From(err)
		return findings, nil, rest
	}
	request, err := renderer.Request(env, release)
	if err != nil {
		return nil, nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(request.Values[0], &tree); err != nil {
		return nil, nil, fmt.Errorf("reading the values of %s: %w", release.Name, err)
	}
	findings := c.Hermetic(tree)
	for i := range findings {
		if findings[i].IsValid() {
			continue
		}
		// A text of the values that a template would run.
		if notes := render.Origin(release, findings[i].Object); len(notes) > 0 {
			findings[i].Position = notes[0].Position
		}
		findings[i].Object = ""
	}
	if more, rest := finding.From(c.ValidateValues(request)); rest != nil {
		return nil, nil, rest
	} else if len(more) > 0 {
		return append(findings, more...), nil, nil
	}
	if slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Rule == "template-error" }) {
		return findings, nil, nil // It would be found again.
	}
	objects, err := renderer.Objects(env, release, request)
	if err != nil {
		more, rest := finding.From(err)
		// Helm leaves some functions that are not hermetic out, and then finds
		// that they are not defined.
		more = slices.DeleteFunc(more, func(f finding.Finding) bool {
			return slices.ContainsFunc(findings, func(known finding.Finding) bool {
				return known.File == f.File && known.Line == f.Line
			})
		})
		return append(findings, more...), nil, rest
	}
	more, err := Objects(finder, env, release, objects)
	return append(findings, more...), objects, err
}

// merge joins findings that several releases share, as they do if the chart is
// to blame: what is affected is then no single release.
func merge(findings finding.List) finding.List {
	var merged finding.List
	for _, f := range findings {
		i := slices.IndexFunc(merged, func(g finding.Finding) bool {
			return g.Rule == f.Rule && g.Position == f.Position && g.Message == f.Message && sameWaiver(f.Waiver, g.Waiver)
		})
		if i < 0 {
			merged = append(merged, f)
			continue
		}
		g := &merged[i]
		for _, field := range []struct {
			merged *string
			value  string
		}{{&g.Environment, f.Environment}, {&g.Release, f.Release}, {&g.Object, f.Object}, {&g.Value, f.Value}} {
			if *field.merged != field.value {
				*field.merged = ""
			}
		}
	}
	return merged
}

func sameWaiver(a, b *finding.Waiver) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Position == b.Position
}
