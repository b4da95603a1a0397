package finding

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

// Class groups rules by what has to happen next; it decides the exit code.
type Class string

// The classes of rules.
const (
	// Input is wrong in itself: it breaks the contract, or can't be rendered.
	Input Class = "input"
	// Stale is a produced file that is not what its sources produce.
	Stale Class = "stale"
	// Policy is valid, and forbidden all the same.
	Policy Class = "policy"
)

// Rule is one thing that gen checks.
type Rule struct {
	// ID is the rule's name in findings and on the command line.
	ID string `json:"id"`
	// Title says what must hold, in one sentence.
	Title string `json:"title"`
	Class Class  `json:"class"`
	// Severity is that of the findings, Error if the text does not say.
	Severity Severity `json:"severity"`
	// CheckedBy is the package or the file that holds objects and values against
	// the rule. Without it that is, for class policy, gen/policy.
	CheckedBy string `json:"checkedBy,omitempty"`
	// Why says what goes wrong otherwise.
	Why string `json:"why"`
	// Bad and Good are the same few lines, before and after. Those of gen/policy's
	// rules are whole objects, which its tests judge.
	Bad  string `json:"bad"`
	Good string `json:"good"`
}

//go:embed rules/*.yaml
var ruleFiles embed.FS

// Rules returns every rule, ordered by id.
var Rules = sync.OnceValue(func() []Rule {
	rules := Texts(ruleFiles, "rules", func(r Rule) string { return r.ID })
	for i := range rules {
		if rules[i].Severity == "" {
			rules[i].Severity = Error
		}
	}
	return rules
})

// Texts returns what the YAML files of an embedded folder say, ordered by id. What is
// wrong with one of them is wrong with the program, and panics.
func Texts[T any](files embed.FS, dir string, id func(T) string) []T {
	entries, err := files.ReadDir(dir)
	if err != nil {
		panic(fmt.Sprintf("reading the embedded %s: %v", dir, err))
	}
	var texts []T
	for _, entry := range entries {
		name := dir + "/" + entry.Name()
		data, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("reading the embedded %s: %v", dir, err))
		}
		var text T
		if err := yaml.UnmarshalStrict(data, &text); err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b T) int { return strings.Compare(id(a), id(b)) })
	return texts
}

// Lookup returns the rule with the given id.
func Lookup(id string) (Rule, bool) {
	rules := Rules()
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Has reports whether a finding of severity Error, and without a waiver, breaks a
// rule of the class.
func (l List) Has(class Class) bool {
	return slices.ContainsFunc(l, func(f Finding) bool {
		return f.Severity == Error && f.Waiver == nil && f.class() == class
	})
}

func (f Finding) class() Class {
	if f.Class != "" {
		return f.Class
	}
	rule, _ := Lookup(f.Rule)
	return rule.Class
}
