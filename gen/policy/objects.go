package policy

import (
	"maps"
	"slices"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// Judgement is a violation with the id of the rule that it breaks.
type Judgement struct {
	Rule string
	Violation
}

// Judge returns what breaks a rule over the objects of one release, in the order of the
// rules.
func (r *Release) Judge() []Judgement {
	var judgements []Judgement
	for _, rule := range objectRules {
		for _, v := range rule.judge(r) {
			judgements = append(judgements, Judgement{rule.id, v})
		}
	}
	return judgements
}

// Facts returns what [Together] has to know of the release.
func (r *Release) Facts() *Facts {
	f := &Facts{environment: r.Environment.Name, name: r.Name, server: r.cluster().Server}
	for _, c := range append(ingressClaims(r), routeClaims(r)...) {
		c.at.value, c.at.object.Data, c.facts = nil, nil, f
		f.claims = append(f.claims, c)
	}
	return f
}

// Together returns what breaks a rule over the objects of all releases, by release. The
// facts are those of all there are, of every environment.
func Together(facts []*Facts) map[*Facts][]Judgement {
	judgements := map[*Facts][]Judgement{}
	for _, rule := range fleetRules {
		for f, violations := range rule.judge(facts) {
			for _, v := range violations {
				judgements[f] = append(judgements[f], Judgement{rule.id, v})
			}
		}
	}
	return judgements
}

// Objects returns what breaks a rule over objects, by release. The releases are
// all there are, of every environment: some rules look at them together.
func Objects(releases []*Release) map[*Release][]Judgement {
	judgements := map[*Release][]Judgement{}
	facts := make([]*Facts, len(releases))
	for i, r := range releases {
		judgements[r], facts[i] = r.Judge(), r.Facts()
	}
	together := Together(facts)
	for i, r := range releases {
		for _, j := range together[facts[i]] {
			j.Object, _ = Find(r.Objects, j.Object)
			judgements[r] = append(judgements[r], j)
		}
	}
	return judgements
}

// Find returns the object, among all of a release, that one of [Facts] stands for.
func Find(objects []manifest.Object, o manifest.Object) (found manifest.Object, ok bool) {
	i := slices.IndexFunc(objects, func(other manifest.Object) bool {
		return other.Template == o.Template && other.APIVersion == o.APIVersion && other.String() == o.String()
	})
	if i < 0 {
		return o, false
	}
	return objects[i], true
}

// ObjectRules returns the ids of the rules over objects, ordered.
func ObjectRules() []string {
	ids := map[string]bool{}
	for _, rule := range objectRules {
		ids[rule.id] = true
	}
	for _, rule := range fleetRules {
		ids[rule.id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}
