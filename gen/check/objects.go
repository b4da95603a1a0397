package check

import (
	"fmt"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// Objects reports what the cluster, or the AppProject of the environment, would
// refuse among the objects of a release.
func Objects(finder *blame.Finder, env *environment.Environment, release environment.Release, objects []manifest.Object) (finding.List, error) {
	api, err := kubernetes.Open(env.ClusterOf(release).KubernetesVersion)
	if err != nil {
		return nil, err
	}
	var findings finding.List
	for _, o := range objects {
		add := func(f finding.Finding) {
			f.Environment, f.Release, f.Object = env.Name, release.Name, o.String()
			findings = append(findings, f)
		}
		for _, problem := range api.Validate(o.Data) {
			add(objectFinding(problem, place(finder, env, release, o, problem.Path)))
		}
		if !slices.Contains(env.Delivery.Kinds, o.GroupKind()) {
			place := place(finder, env, release, o, nil)
			add(finding.Finding{
				Rule: "kind-not-permitted", Severity: finding.Error,
				Position: place.Position, Width: place.Width, Notes: place.Notes,
				Message: fmt.Sprintf("%s is of a kind that %s's delivery does not list", o, env.Name),
				Allowed: strings.Join(env.Delivery.Kinds, ", "),
				Help:    fmt.Sprintf("add %q to delivery.kinds in %s/env.cue, if the environment shall create it", o.GroupKind(), env.Dir()),
			})
		}
	}
	return findings, nil
}

// place returns the line to change for a field of an object, with a note that
// names where the environment can set what is the contract's default.
func place(finder *blame.Finder, env *environment.Environment, release environment.Release, o manifest.Object, path []string) blame.Place {
	found := finder.Field(release, o, path)
	if found.Default != nil {
		found.Notes = append(found.Notes, ownPlace(env, slices.Concat(release.Path(), []string{"values"}, found.Default))...)
	}
	return found
}

// objectFinding reports a problem of an object.
func objectFinding(problem kubernetes.Problem, place blame.Place) finding.Finding {
	f := finding.Finding{
		Rule: "invalid-object", Severity: finding.Error,
		Position: place.Position, Width: place.Width, Notes: place.Notes,
		Message: strings.Join(problem.Path, ".") + ": " + problem.Message,
	}
	switch problem.Kind {
	case kubernetes.UnknownField, kubernetes.BadEnum, kubernetes.UnknownKind:
		found := problem.Found
		if problem.Kind == kubernetes.UnknownField {
			found = problem.Path[len(problem.Path)-1]
		}
		if near := finding.DidYouMean(found, problem.Allowed); near != "" && !strings.Contains(problem.Message, "did you mean") {
			f.Help = near
		}
		if len(problem.Allowed) <= 12 {
			f.Allowed = strings.Join(problem.Allowed, ", ")
		}
	}
	return f
}
