// Package diff says what becomes of the objects of environments between two
// states of the repository: which are added, removed, changed, replaced or
// renamed, which of their fields change, which line of CUE caused it, and what is
// risky about it.
//
// It is data to data: two rendered states come in, a [Report] goes out, and the
// package report writes it for people and programs. No value of a Secret, nor
// anything that looks like one, is in a Report.
package diff

import (
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/tool"
)

// Report is what changes between two states of the repository.
type Report struct {
	From State `json:"from"`
	To   State `json:"to"`
	// Tools are those whose version is another in the two states.
	Tools []tool.Change `json:"tools,omitempty"`
	// Policy is what the policy finds in the two states, nil if it was not asked.
	Policy *Policy `json:"policy,omitempty"`
	// Untouched is the number of folders of teams that were left out, as no file that they
	// are made from differs. Their releases are not among those of the environments.
	Untouched int `json:"untouchedFolders,omitempty"`
	// Environments are those that were compared, ordered by name, changed or not.
	Environments []Environment `json:"environments"`
}

// State is one side of a comparison.
type State struct {
	// Name is what people call it: a branch, a tag, "working tree", "deployed".
	Name string `json:"name"`
	// Commit is the full id, "" for the working tree.
	Commit string `json:"commit,omitempty"`
}

// Change is what becomes of something.
type Change string

// The changes.
const (
	Unchanged Change = "unchanged"
	Added     Change = "added"
	Removed   Change = "removed"
	Changed   Change = "changed"
	// Replaced is an object that has to be deleted and made again, because an
	// immutable field changes.
	Replaced Change = "replaced"
	// Renamed is an object that is gone under one name and there under another,
	// otherwise the same or nearly so.
	Renamed Change = "renamed"
)

// Environment is one environment in both states.
type Environment struct {
	Name   string `json:"name"`
	Tier   string `json:"tier"`
	Change Change `json:"change"`
	// Releases are ordered by name, changed or not.
	Releases []Release `json:"releases"`
}

// Release is one release in both states.
type Release struct {
	Name   string `json:"name"`
	Chart  string `json:"chart"`
	Change Change `json:"change"`
	// Values are the values that changed, ordered by path, whether or not an
	// object changes with them.
	Values []Value `json:"values,omitempty"`
	// Objects are ordered as Argo CD applies them, changed or not.
	Objects []Object `json:"objects"`
}

// Value is one value of a release that changed.
type Value struct {
	// Path is below the release's values, such as autoscaling.minReplicas.
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
	// Places are the lines of CUE that set it: in the new state, or in the old
	// one if it is gone.
	Places []finding.Position `json:"places,omitempty"`
	// Objects are the objects that change with it; none means that the change
	// alters nothing in the cluster.
	Objects []string `json:"objects,omitempty"`
}

// Object is one object in both states.
type Object struct {
	// ID names the object within a cluster: Kind.group/namespace/name.
	ID         string `json:"id"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
	// Template is the file that renders it.
	Template string `json:"template"`
	// Wave is its sync wave, Hook the phase of its sync hook, if it is one.
	Wave int    `json:"wave"`
	Hook string `json:"hook,omitempty"`

	Change Change `json:"change"`
	// Was is the ID of a renamed object before.
	Was string `json:"was,omitempty"`
	// Fields are those that changed, ordered by path; none of an object that is
	// added or removed as a whole.
	Fields []Field `json:"fields,omitempty"`
	// Causes are the places that made an object come or go.
	Causes []finding.Note `json:"causes,omitempty"`
	Risks  []Risk         `json:"risks,omitempty"`
	// Before and After are the whole object in YAML, without what is secret; each
	// is empty where the object is not there, and both where it is unchanged.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Refers are the IDs of the objects that this one selects, mounts, scales or
	// routes to, within its release, in the new state.
	Refers []string `json:"refers,omitempty"`
}

// Field is one field of an object that changed.
type Field struct {
	// Path has list items by their merge key where the list has one, by what they
	// are in a set, and by their place in the new list, or in the old one if they are
	// gone, otherwise:
	//
	//	spec.template.spec.containers[name=service].image
	//	metadata.annotations["argocd.argoproj.io/sync-wave"]
	//	rules[0].verbs[=delete]
	//	spec.template.spec.containers[name=service].args[2]
	//
	// Lists whose order means nothing are in an order of their own, in the whole object
	// as well as here. If the path is that of a list whose items have keys, and both
	// Before and After are there, only their order changed: they are then the keys.
	Path   string `json:"path"`
	Change Change `json:"change"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
	// Causes are the places that made it change: lines of CUE, or of the template
	// or contract where those changed.
	Causes []finding.Note `json:"causes,omitempty"`
}

// Level is how much a risk asks of the person who approves.
type Level string

// The levels, lowest first.
const (
	Low    Level = "low"
	Medium Level = "medium"
	High   Level = "high"
)

// Risk is one thing about a change that a person should know before it lands.
type Risk struct {
	// ID is that of the rule, such as claim-deleted; see [Risks].
	ID      string `json:"id"`
	Level   Level  `json:"level"`
	Message string `json:"message"`
	// Path is the field that the risk is about, if it is about one.
	Path string `json:"path,omitempty"`
}
