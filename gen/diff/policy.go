package diff

import (
	"cmp"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Policy is what the policy finds in two states.
type Policy struct {
	// Introduced are the findings that are new. One that a waiver put up with until
	// now is new as well.
	Introduced finding.List `json:"introduced"`
	// Resolved are those that are gone, or that a waiver puts up with now.
	Resolved finding.List `json:"resolved"`
	// Remaining are those of both states, as the new one has them.
	Remaining finding.List `json:"remaining"`
	// Waived are those of the new state that a waiver puts up with.
	Waived finding.List `json:"waived"`
}

// Judge adds to a report what the policy finds in the two states. Findings are the
// same if they break the same rule at the same object or value, whatever line that has
// moved to, and whatever the object is called now.
func (r *Report) Judge(before, after finding.List) {
	p := &Policy{Introduced: finding.List{}, Resolved: finding.List{}, Remaining: finding.List{}, Waived: finding.List{}}
	r.Policy = p
	was, _ := before.Split()
	open, waived := after.Split()
	p.Waived = append(p.Waived, waived...)
	// An object can break a rule more than once. Those that say the same are the same;
	// of the others as many are as there were.
	names := r.names()
	alike := func(f finding.Finding) identity {
		object := cmp.Or(names[[2]string{f.Environment, f.Object}], f.Object)
		return identity{f.Rule, f.Environment, f.Release, object, f.Value, ""}
	}
	exact := func(f finding.Finding) identity {
		id := alike(f)
		id.message = f.Message
		return id
	}
	for _, by := range []func(finding.Finding) identity{exact, alike} {
		var both finding.List
		was, open, both = pairOff(was, open, by)
		p.Remaining = append(p.Remaining, both...)
	}
	p.Remaining = p.Remaining.Sort()
	p.Introduced = append(p.Introduced, open.Sort()...)
	p.Resolved = append(p.Resolved, was.Sort()...)
}

// names are the new names of renamed objects, by environment and name before.
func (r *Report) names() map[[2]string]string {
	names := map[[2]string]string{}
	for _, env := range r.Environments {
		for _, release := range env.Releases {
			for _, o := range release.Objects {
				if o.Change == Renamed {
					names[[2]string{env.Name, o.Was}] = o.ID
				}
			}
		}
	}
	return names
}

// identity is what makes a finding the one that it is.
type identity struct{ rule, environment, release, object, value, message string }

// pairOff takes those out of two lists that are in both, and returns them as the
// second has them.
func pairOff(before, after finding.List, by func(finding.Finding) identity) (gone, come, both finding.List) {
	left := map[identity]int{}
	for _, f := range after {
		left[by(f)]++
	}
	matched := map[identity]int{}
	for _, f := range before {
		id := by(f)
		if left[id] == 0 {
			gone = append(gone, f)
			continue
		}
		left[id]--
		matched[id]++
	}
	for _, f := range after {
		if id := by(f); matched[id] > 0 {
			matched[id]--
			both = append(both, f)
		} else {
			come = append(come, f)
		}
	}
	return gone, come, both
}
