package policy

import (
	"maps"
	"slices"
)

// Judgement is a violation with the id of the rule that it breaks.
type Judgement struct {
	Rule string
	Violation
}

// Objects returns what breaks a rule over objects, by release. The releases are
// all there are, of every environment: some rules look at them together.
func Objects(releases []*Release) map[*Release][]Judgement {
	judgements := map[*Release][]Judgement{}
	add := func(rule string, release *Release, violations []Violation) {
		for _, v := range violations {
			judgements[release] = append(judgements[release], Judgement{rule, v})
		}
	}
	for _, rule := range objectRules {
		for _, release := range releases {
			add(rule.id, release, rule.judge(release))
		}
	}
	for _, rule := range fleetRules {
		violations := rule.judge(releases)
		for _, release := range releases {
			add(rule.id, release, violations[release])
		}
	}
	return judgements
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
