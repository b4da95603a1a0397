package policy

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// TestNothingPanics puts every kind of value into every place of the examples:
// the rules see objects before, and whether or not, their validity is known.
func TestNothingPanics(t *testing.T) {
	strange := []any{nil, "x", "", json.Number("-1"), true, []any{nil, "x"}, map[string]any{"x": nil}}
	for _, id := range ObjectRules() {
		rule, _ := finding.Lookup(id)
		for _, release := range example(t, rule.Bad) {
			for i, o := range release.Objects {
				eachChange(o.Data, strange, func(data map[string]any) {
					objects := slices.Clone(release.Objects)
					objects[i] = manifest.Object{APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, Data: data}
					Objects([]*Release{{Environment: release.Environment, Name: release.Name, Objects: objects}})
				})
			}
		}
	}
}

// TestCapitals makes sure that a field that the API server does not know by its
// capitals is not taken for one that it does.
func TestCapitals(*testing.T) {
	data := map[string]any{"Spec": nil, "spec": map[string]any{
		"Volumes":    []any{map[string]any{"name": "a", "nfs": map[string]any{}}},
		"Containers": []any{map[string]any{"name": "a", "securityContext": map[string]any{"privileged": true}}},
	}}
	pod := manifest.Object{APIVersion: "v1", Kind: "Pod", Name: "web", Data: data}
	Objects([]*Release{{Environment: exampleEnvironment("prod"), Name: "web", Objects: []manifest.Object{pod}}})
}

// eachChange calls do with the data, each time with another place changed.
func eachChange(data map[string]any, to []any, do func(map[string]any)) {
	for name, value := range data {
		changed := maps.Clone(data)
		for _, strange := range to {
			changed[name] = strange
			do(changed)
		}
		switch value := value.(type) {
		case map[string]any:
			eachChange(value, to, func(inner map[string]any) {
				changed[name] = inner
				do(changed)
			})
		case []any:
			for i, item := range value {
				items := slices.Clone(value)
				changed[name] = items
				for _, strange := range to {
					items[i] = strange
					do(changed)
				}
				if item, isObject := item.(map[string]any); isObject {
					eachChange(item, to, func(inner map[string]any) {
						items[i] = inner
						do(changed)
					})
				}
			}
		}
	}
}
