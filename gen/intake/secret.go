package intake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/policy"
)

// Secrets returns a warning for each value that is a secret by its name or its looks.
// None of them says what it is; nor may whoever prints them show the line.
func (v *Values) Secrets() finding.List {
	var findings finding.List
	seen := map[finding.Position]bool{}
	for _, m := range v.Environments {
		eachText(m.Tree(), nil, func(path []string, text string) {
			name := nameOfText(path)
			if !IsSecret(name, text) {
				return
			}
			place, _, _ := m.Place(path)
			if place.IsValid() && seen[place] && !strings.Contains(strings.Join(path, "."), "[") {
				return
			}
			seen[place] = true
			findings = append(findings, finding.Finding{
				Rule: "inline-secret", Severity: finding.Warning, Position: place, Environment: m.Name,
				Message: fmt.Sprintf("%s looks like a secret, and secrets must not be in Git", strings.Join(path, ".")),
				Help: "put it into the vault, and name it in the values: an existing Secret, an ExternalSecret; " +
					"replace what was ever committed. gen check refuses objects that carry it",
			})
		})
	}
	return findings.Sort()
}

// IsSecret reports whether a text of values is a secret, going by the name it has.
func IsSecret(name, text string) bool {
	if text == "" {
		return false
	}
	return policy.HasSecretName(name, text) || policy.LooksSecret(name, text)
}

// eachText calls f with the texts in a tree, those of maps in the order of their keys.
func eachText(v any, path []string, f func(path []string, text string)) {
	switch v := v.(type) {
	case string:
		f(path, v)
	case map[string]any:
		if name, ok := v["name"].(string); ok { // A variable of a container.
			if text, ok := v["value"].(string); ok && len(v) == 2 {
				f(append(slices.Clone(path), name), text)
				return
			}
		}
		for _, key := range sorted(v) {
			eachText(v[key], append(slices.Clone(path), key), f)
		}
	case []any:
		for i, item := range v {
			eachText(item, append(slices.Clone(path), "["+strconv.Itoa(i)+"]"), f)
		}
	}
}

// nameOfText returns the name that somebody gave the text at a path.
func nameOfText(path []string) string {
	for _, name := range slices.Backward(path) {
		if !strings.HasPrefix(name, "[") {
			return name
		}
	}
	return ""
}
