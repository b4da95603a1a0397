package diff

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// Side is one state of the repository, loaded and rendered.
type Side struct {
	State State
	// Repo is the file system that the rest came from.
	Repo fs.FS
	// Environments are those to compare. One that is on one side only was added or
	// removed.
	Environments []*environment.Environment
	// Objects are the objects of each release, by environment and release.
	Objects map[string]map[string][]manifest.Object
}

// Compare says what becomes of the objects of each environment between two
// states.
func Compare(from, to Side) (*Report, error) {
	report := &Report{From: from.State, To: to.State}
	before, after := from.finder(), to.finder()
	for _, both := range both(from.Environments, to.Environments, func(e *environment.Environment) string { return e.Name }) {
		env, err := compareEnvironment(
			state{repo: from.Repo, finder: before, env: both[0]}, state{repo: to.Repo, finder: after, env: both[1]},
			from.Objects, to.Objects)
		if err != nil {
			return nil, err
		}
		report.Environments = append(report.Environments, env)
	}
	return report, nil
}

func (s Side) finder() *blame.Finder {
	if s.Repo == nil {
		return nil
	}
	return blame.New(s.Repo)
}

// both pairs what has the same name, ordered by name. What is missing is nil.
func both[T any](from, to []*T, name func(*T) string) [][2]*T {
	var pairs [][2]*T
	for i, list := range [][]*T{from, to} {
		for _, x := range list {
			at := slices.IndexFunc(pairs, func(p [2]*T) bool { return p[0] != nil && name(p[0]) == name(x) })
			if at < 0 {
				at = len(pairs)
				pairs = append(pairs, [2]*T{})
			}
			pairs[at][i] = x
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]*T) int {
		return cmp.Compare(name(cmp.Or(a[0], a[1])), name(cmp.Or(b[0], b[1])))
	})
	return pairs
}

// becomes tells what is there on both sides from what came or went.
func becomes[T any](p [2]*T) Change {
	switch {
	case p[0] == nil:
		return Added
	case p[1] == nil:
		return Removed
	}
	return Unchanged
}

func compareEnvironment(from, to state, before, after map[string]map[string][]manifest.Object) (Environment, error) {
	envs := [2]*environment.Environment{from.env, to.env}
	env := cmp.Or(to.env, from.env)
	out := Environment{Name: visible(env.Name), Tier: env.Tier, Change: becomes(envs)}
	api, err := kubernetes.Open(env.Cluster.KubernetesVersion)
	if err != nil {
		api = nil // Objects are then compared by what is there.
	}
	for _, pair := range both(releases(from.env), releases(to.env), func(r *environment.Release) string { return r.Name }) {
		name := cmp.Or(pair[1], pair[0]).Name
		f, t := from, to
		if f.release = pair[0]; f.release != nil {
			for _, o := range before[env.Name][name] {
				f.objects = append(f.objects, enter(api, o, f.env.Namespace))
			}
		}
		if t.release = pair[1]; t.release != nil {
			for _, o := range after[env.Name][name] {
				t.objects = append(t.objects, enter(api, o, t.env.Namespace))
			}
		}
		if f.values, err = valuesOf(f.env, f.release); err != nil {
			return Environment{}, fmt.Errorf("comparing values: %w", err)
		}
		if t.values, err = valuesOf(t.env, t.release); err != nil {
			return Environment{}, fmt.Errorf("comparing values: %w", err)
		}
		release := compareRelease(f, t, api)
		if out.Change == Unchanged && release.Change != Unchanged {
			out.Change = Changed
		}
		out.Releases = append(out.Releases, release)
	}
	return out, nil
}

func releases(env *environment.Environment) []*environment.Release {
	if env == nil {
		return nil
	}
	var all []*environment.Release
	for i := range env.Releases {
		all = append(all, &env.Releases[i])
	}
	return all
}

func compareRelease(from, to state, api *kubernetes.API) Release {
	both := [2]*environment.Release{from.release, to.release}
	out := Release{Change: becomes(both)}
	out.Name, out.Chart = cmp.Or(both[1], both[0]).Name, cmp.Or(both[1], both[0]).Chart
	c := &causer{
		from: from, to: to, values: changedValues(from.values, to.values, from.release, to.release),
		renamed: map[pair][]finding.Note{}, differs: map[string]bool{},
	}
	pairs := match(from.objects, to.objects)
	applied(pairs)
	changes := map[pair][]edit{}
	for _, p := range pairs {
		if p.before != nil && p.after != nil {
			changes[p] = edits(p.after.root, p.before.data, p.after.data)
		}
	}
	objects := c.report(pairs, changes)
	if effects(c, api, pairs) {
		objects = c.report(pairs, changes) // There are causes that were not known.
	}
	inNew := release{to.objects}
	for i, p := range pairs {
		o := objects[i]
		if p.after != nil {
			o.Refers = inNew.refers(p.after)
		}
		if o.Change != Unchanged {
			o.Risks = risks(subject{pair: p, change: o.Change, edits: changes[p], from: from.objects, to: to.objects})
			if out.Change == Unchanged {
				out.Change = Changed
			}
		}
		out.Objects = append(out.Objects, o)
	}
	for _, v := range c.values {
		if out.Change == Unchanged {
			out.Change = Changed
		}
		out.Values = append(out.Values, v.report(out.Objects))
	}
	return out
}
