// Package policy judges what is valid and may be forbidden all the same. A rule
// has an id, a text that says why, an example of what breaks it and one of what
// does not, and a judge.
//
// There are two kinds. Rules over the values of environments are written in CUE,
// in envs/policy, for teams to add to; see [Load]. Rules over the objects that
// Kubernetes gets are written here in Go: a function in a file named by its
// theme, a line in registry.go, and a text in gen/finding/rules. Both return
// violations, and know nothing of files and lines: where a violation is found is
// worked out by whoever asked.
package policy

import (
	"cmp"
	"sync"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// Release is what object rules judge: the objects of one release.
type Release struct {
	Environment *environment.Environment
	// Name is the name of the release's Application.
	Name string
	// Helm is the name that Helm knows the release by, "" if that is Name.
	Helm string
	// Cluster is the one that the release runs in; the environment's if it has no
	// server.
	Cluster environment.Cluster
	Objects []manifest.Object

	// pods are those of the objects, found when a rule first asks.
	once sync.Once
	pods []pod
}

func (r *Release) helm() string { return cmp.Or(r.Helm, r.Name) }

func (r *Release) cluster() environment.Cluster {
	if r.Cluster.Server == "" {
		return r.Environment.Cluster
	}
	return r.Cluster
}

// Violation is one object that breaks a rule, and the field to blame.
type Violation struct {
	Object manifest.Object
	// Path is the field's place in the object's data, list indices in decimal.
	// It may be empty, and may end in a field that is missing.
	Path []string
	// Message says what was found, in one sentence without a full stop.
	Message string
	// Help says what to do; it may be empty.
	Help string
}

// objectRule is a rule over the objects of one release.
type objectRule struct {
	id    string
	judge func(*Release) []Violation
}

// fleetRule is a rule over all releases of all environments together, such as
// one against two that claim the same host. It sees what is known of them without their
// objects.
type fleetRule struct {
	id    string
	judge func([]*Facts) map[*Facts][]Violation
}

// Facts are what rules over all releases need to know of one. They are small, and hold
// no object: those of the violations have no data.
type Facts struct {
	environment, name, server string

	claims []claim
}
