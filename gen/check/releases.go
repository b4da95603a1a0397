package check

import (
	"fmt"
	"slices"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/document"
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

// Release checks one release, and returns its objects if it renders. The request is what
// [render.Renderer.Request] makes of the release.
func Release(
	renderer *render.Renderer, finder *blame.Finder, env *environment.Environment, release environment.Release, request chart.Release,
) (finding.List, []manifest.Object, error) {
	c, err := renderer.Chart(release.Chart)
	if err != nil {
		findings, rest := finding.From(err)
		return findings, nil, rest
	}
	tree := request.First
	if tree == nil {
		if tree, err = document.Unmarshal(request.Values[0], document.Floats, false); err != nil {
			return nil, nil, fmt.Errorf("reading the values of %s: %w", release.Name, err)
		}
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
	type shared struct {
		rule, message string
		at, waiver    finding.Position
		waived        bool
	}
	var merged finding.List
	known := map[shared]int{}
	for _, f := range findings {
		key := shared{rule: f.Rule, message: f.Message, at: f.Position, waived: f.Waiver != nil}
		if f.Waiver != nil {
			key.waiver = f.Waiver.Position
		}
		i, ok := known[key]
		if !ok {
			known[key] = len(merged)
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
