package check

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// Objects reports what the cluster, or the AppProject of the environment, would
// refuse among the objects of a release.
func Objects(repo fs.FS, env *environment.Environment, release environment.Release, objects []manifest.Object) (finding.List, error) {
	api, err := kubernetes.Open(env.Cluster.KubernetesVersion)
	if err != nil {
		return nil, err
	}
	var findings finding.List
	for _, o := range objects {
		data, err := fs.ReadFile(repo, o.Template)
		if err != nil {
			return nil, err
		}
		template := string(data)
		add := func(f finding.Finding) {
			f.Environment, f.Release, f.Object = env.Name, release.Name, o.String()
			findings = append(findings, f)
		}
		for _, problem := range api.Validate(o.Data) {
			add(objectFinding(problem, finding.Position{File: o.Template}, locate(template, problem.Path)))
		}
		if !slices.Contains(env.Delivery.Kinds, o.GroupKind()) {
			add(finding.Finding{
				Rule: "kind-not-permitted", Severity: finding.Error,
				Position: at(finding.Position{File: o.Template}, locate(template, []string{"kind"})),
				Message:  fmt.Sprintf("%s is of a kind that %s's delivery does not list", o, env.Name),
				Allowed:  strings.Join(env.Delivery.Kinds, ", "),
				Help:     fmt.Sprintf("add %q to delivery.kinds in %s/env.cue, if the environment shall create it", o.GroupKind(), env.Dir()),
			})
		}
	}
	return findings, nil
}

// objectFinding reports a problem of an object at a place of its file.
func objectFinding(problem kubernetes.Problem, file finding.Position, place finding.Position) finding.Finding {
	f := finding.Finding{
		Rule: "invalid-object", Severity: finding.Error,
		Position: at(file, place),
		Message:  strings.Join(problem.Path, ".") + ": " + problem.Message,
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

func at(file, place finding.Position) finding.Position {
	file.Line, file.Column = place.Line, place.Column
	return file
}

var key = regexp.MustCompile(`^(\s*(?:- )*)"?([A-Za-z0-9_./-]+)"?\s*:`)

// locate returns the line and column in a template, or a plain YAML file, that
// most likely wrote the field at a path of the object: it looks for the keys of
// the path one below the other. It is a guess, as a template is no YAML; without
// one the position is zero.
func locate(text string, path []string) finding.Position {
	lines := strings.Split(text, "\n")
	var found finding.Position
	from, indent := 0, -1
	for _, name := range path {
		if _, err := strconv.Atoi(name); err == nil {
			continue
		}
		for i := from; i < len(lines); i++ {
			m := key.FindStringSubmatch(lines[i])
			if m == nil || m[2] != name || len(m[1]) <= indent && i != from {
				continue
			}
			found = finding.Position{Line: i + 1, Column: len(m[1]) + 1}
			from, indent = i+1, len(m[1])-strings.Count(m[1], "- ")
			break
		}
	}
	return found
}
