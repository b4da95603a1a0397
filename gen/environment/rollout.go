package environment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/finding"
)

// misplaced reports what keeps a rollout from having every region of the environment
// in one step: a name that is no region's, a region that has two places or none, and
// a step without any.
func (e *Environment) misplaced() finding.List {
	if len(e.Rollout) == 0 {
		return nil
	}
	d := diagnosis{env: e.Name}
	whole := e.Value.LookupPath(cue.MakePath(cue.Str("rollout")))
	known := slices.Sorted(maps.Keys(e.Regions))
	if len(known) == 0 {
		d.add(whole, finding.Finding{
			Rule:    "rollout-order",
			Message: "a rollout goes from region to region, and the environment has none",
			Help:    "set regions, or leave rollout out",
		})
		return withEnvironment(d.findings, e.Name)
	}
	missing := slices.DeleteFunc(slices.Clone(known), func(region string) bool {
		return slices.ContainsFunc(e.Rollout, func(step []string) bool { return slices.Contains(step, region) })
	})
	first := map[string]finding.Position{}
	for i, step := range e.Rollout {
		at := cue.MakePath(cue.Str("rollout"), cue.Index(i))
		if len(step) == 0 {
			d.add(e.Value.LookupPath(at), finding.Finding{
				Rule: "rollout-order", Message: fmt.Sprintf("step %d of the rollout has no region", i+1), Help: "name one, or leave the step out",
			})
		}
		for j, region := range step {
			v := e.Value.LookupPath(cue.MakePath(append(at.Selectors(), cue.Index(j))...))
			other, twice := first[region]
			switch {
			case !slices.Contains(known, region):
				d.add(v, finding.Finding{
					Rule:    "rollout-order",
					Message: fmt.Sprintf("there is no region %s", region),
					Allowed: strings.Join(known, ", "),
					Help:    finding.DidYouMean(region, missing),
				})
			case twice:
				d.add(v, finding.Finding{
					Rule:    "rollout-order",
					Message: fmt.Sprintf("region %s has two places in the rollout", region),
					Help:    "keep one of the two",
					Notes:   []finding.Note{{Position: other, Message: "the other place"}},
				})
			default:
				first[region] = d.place(v).Label
			}
		}
	}
	// A name that is no region's may be the missing one, misspelt.
	if len(missing) > 0 && len(d.findings) == 0 {
		d.add(whole, finding.Finding{
			Rule:    "rollout-order",
			Message: fmt.Sprintf("the rollout leaves out %s, which no change would reach", strings.Join(missing, ", ")),
			Help:    "give each region a place in one of the steps",
		})
	}
	return withEnvironment(d.findings, e.Name)
}

// place returns the first place that has a say in the value.
func (d *diagnosis) place(v cue.Value) Origin {
	if origins := Origins(v); len(origins) > 0 {
		return origins[0]
	}
	return Origin{}
}
