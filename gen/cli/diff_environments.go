package cli

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
)

// environmentPair compares two environments of the working tree. The first takes
// the name and the namespace of the second, so that what differs for no other
// reason is no difference.
func (a *app) environmentPair(o diffOptions, args []string) (*pair, error) {
	if o.fromTool != "" {
		return nil, errors.New("--from-tool renders the state before, and two environments are of one state; add --from or --to")
	}
	var names []string // In the order of the arguments.
	for _, arg := range args {
		one, err := a.resolve([]string{arg})
		if err != nil {
			return nil, err
		}
		names = append(names, one...)
	}
	repo := a.repoFS()
	sorted := slices.Compact(slices.Sorted(slices.Values(names)))
	whole := &side{state: diff.State{Name: workingTree}, repo: repo, names: sorted}
	if err := whole.load(a.loader); err != nil {
		return nil, &sideError{[]failedSide{{whole, err}}}
	}
	find := func(name string) *environment.Environment {
		return whole.envs[slices.IndexFunc(whole.envs, func(env *environment.Environment) bool { return env.Name == name })]
	}
	to := find(names[1])
	from := *find(names[0])
	from.Name, from.Namespace = to.Name, to.Namespace
	one := func(name string, env *environment.Environment) *side {
		return &side{
			state: diff.State{Name: environment.Dir + "/" + name}, repo: repo,
			names: []string{name}, envs: []*environment.Environment{env}, loaded: true,
		}
	}
	return &pair{
		from: one(names[0], &from), to: one(names[1], to),
		differs: slices.Concat(from.Differs, to.Differs), oneState: true,
	}, nil
}

// fold gives a request the values of another at the paths that are meant to
// differ. Both are written anew, so that equal values are equal texts.
func fold(differs []string, release string, from, to *chart.Release) error {
	if len(differs) == 0 {
		return nil
	}
	before, err := decodeValues(from.Values[0])
	if err != nil {
		return err
	}
	after, err := decodeValues(to.Values[0])
	if err != nil {
		return err
	}
	foldTree(differs, []string{release}, before, after)
	from.First, to.First = nil, nil
	if from.Values[0], err = yaml.Marshal(before); err != nil {
		return err
	}
	to.Values[0], err = yaml.Marshal(after)
	return err
}

// decodeValues reads values with their numbers as they are written.
func decodeValues(text []byte) (map[string]any, error) {
	values := map[string]any{}
	err := yaml.Unmarshal(text, &values, func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d })
	return values, err
}

func foldTree(differs, at []string, from, to map[string]any) {
	for key := range to {
		if _, ok := from[key]; !ok && isMeant(differs, append(slices.Clip(at), key)) {
			from[key] = to[key]
		}
	}
	for key, value := range from {
		path := append(slices.Clip(at), key)
		other, ok := to[key]
		switch {
		case isMeant(differs, path) && !ok:
			delete(from, key)
		case isMeant(differs, path):
			from[key] = other
		default:
			below, isTree := value.(map[string]any)
			others, areTree := other.(map[string]any)
			if isTree && areTree {
				foldTree(differs, path, below, others)
			}
		}
	}
}

// isMeant reports whether a path, or one above it, is among those that are meant
// to differ.
func isMeant(differs, at []string) bool {
	return slices.ContainsFunc(differs, func(pattern string) bool {
		names := strings.Split(pattern, ".")
		if len(names) > len(at) {
			return false
		}
		for i, name := range names {
			if name != "*" && name != at[i] {
				return false
			}
		}
		return true
	})
}

// foldReport takes the values that are meant to differ out of a report, and
// returns their number.
func (p *pair) foldReport(r *diff.Report) (folded int) {
	if len(p.differs) == 0 {
		return 0
	}
	for i := range r.Environments {
		env := &r.Environments[i]
		changed := env.Change == diff.Added || env.Change == diff.Removed
		for j := range env.Releases {
			release := &env.Releases[j]
			before := len(release.Values)
			release.Values = slices.DeleteFunc(release.Values, func(v diff.Value) bool {
				return isMeant(p.differs, append([]string{release.Name}, environment.SplitPath(v.Path)...))
			})
			folded += before - len(release.Values)
			moves := slices.ContainsFunc(release.Objects, func(o diff.Object) bool { return o.Change != diff.Unchanged })
			if release.Change == diff.Changed && len(release.Values) == 0 && !moves {
				release.Change = diff.Unchanged
			}
			changed = changed || release.Change != diff.Unchanged
		}
		if !changed {
			env.Change = diff.Unchanged
		}
	}
	return folded
}
