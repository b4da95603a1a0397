package diff

import (
	"cmp"
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

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
	// Tool is what to call the gen that rendered Objects, "" if it is the same that
	// rendered those of the other side. If it is another, Again are the objects that
	// the other side's renders of this state: what differs between the two is then
	// laid at the door of Tool.
	Tool  string
	Again map[string]map[string][]manifest.Object
}

// Options say what a report has to hold.
type Options struct {
	// FieldsOnly leaves the text of objects that are on both sides out, and what objects
	// refer to, which takes long to find and is of no use to who shows their fields.
	FieldsOnly bool
}

// Compare says what becomes of the objects of each environment between two
// states. Releases are compared side by side, as many at once as there are processors.
func Compare(from, to Side, o Options) (*Report, error) {
	report := &Report{From: from.State, To: to.State}
	before, after := from.finder(), to.finder()
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	pairs := both(from.Environments, to.Environments, func(e *environment.Environment) string { return e.Name })
	report.Environments = make([]Environment, len(pairs))
	for i, envs := range pairs {
		f := state{repo: from.Repo, finder: before, env: envs[0], tool: from.Tool}
		t := state{repo: to.Repo, finder: after, env: envs[1]}
		compareEnvironment(&report.Environments[i], f, t, from, to, o, group.Go)
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range report.Environments {
		env := &report.Environments[i]
		if env.Change == Unchanged && slices.ContainsFunc(env.Releases, func(r Release) bool { return r.Change != Unchanged }) {
			env.Change = Changed
		}
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

// compareEnvironment compares the releases of an environment, each in a call of start.
func compareEnvironment(out *Environment, from, to state, before, after Side, o Options, start func(func() error)) {
	env := cmp.Or(to.env, from.env)
	*out = Environment{Name: visible(env.Name), Tier: env.Tier, Change: becomes([2]*environment.Environment{from.env, to.env})}
	api, err := kubernetes.Open(env.Cluster.KubernetesVersion)
	if err != nil {
		api = nil // Objects are then compared by what is there.
	}
	pairs := both(releases(from.env), releases(to.env), func(r *environment.Release) string { return r.Name })
	if len(pairs) > 0 {
		out.Releases = make([]Release, len(pairs))
	}
	for i, pair := range pairs {
		start(func() error {
			name := cmp.Or(pair[1], pair[0]).Name
			f, t := from, to
			f.release, t.release = pair[0], pair[1]
			api := api
			if one := cmp.Or(pair[1], pair[0]); one.Region != "" {
				var err error
				if api, err = kubernetes.Open(env.ClusterOf(*one).KubernetesVersion); err != nil {
					api = nil
				}
			}
			for _, s := range []*state{&f, &t} {
				if err := s.read(); err != nil {
					return fmt.Errorf("comparing values: %w", err)
				}
			}
			f.enter(api, before.Objects[env.Name][name], before.Again[env.Name][name], nil)
			t.enter(api, after.Objects[env.Name][name], nil, &f)
			out.Releases[i] = compareRelease(f, t, api, o)
			return nil
		})
	}
}

// enter takes the objects of the state's release in, if it is there. Those that were
// rendered once for both states are in already, if the other one has the release too.
func (s *state) enter(api *kubernetes.API, objects, again []manifest.Object, other *state) {
	if s.release == nil {
		return
	}
	known := map[uintptr]*object{}
	if other != nil && other.release != nil && other.env.Namespace == s.env.Namespace {
		for _, o := range other.objects {
			known[renderingOf(o.rendered)] = o
		}
	}
	for _, o := range objects {
		in := known[renderingOf(o)]
		if in == nil {
			in = enter(api, o, s.env.Namespace)
		}
		s.objects = append(s.objects, in)
	}
	for _, o := range again {
		s.again = append(s.again, enter(api, o, s.env.Namespace))
	}
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

func compareRelease(from, to state, api *kubernetes.API, options Options) Release {
	both := [2]*environment.Release{from.release, to.release}
	out := Release{Change: becomes(both)}
	out.Name, out.Chart = cmp.Or(both[1], both[0]).Name, cmp.Or(both[1], both[0]).Chart
	changed := changedValues(from.values, to.values, from.release, to.release)
	c := &causer{
		from: from, to: to, values: changed,
		renamed: map[pair][]finding.Note{}, differs: map[string]bool{}, texts: map[*object]string{},
		generators: newGenerators(from, to), fieldsOnly: options.FieldsOnly,
	}
	pairs := match(from.objects, to.objects)
	applied(pairs)
	changes := map[pair][]edit{}
	for _, p := range pairs {
		if p.before != nil && p.after != nil && p.before != p.after {
			changes[p] = edits(p.after.root, p.before.data(), p.after.data())
		}
	}
	objects := c.report(pairs, changes)
	if effects(c, api, pairs) {
		objects = c.report(pairs, changes) // There are causes that were not known.
	}
	inNew := release{to.objects}
	for i, p := range pairs {
		o := objects[i]
		if p.after != nil && !options.FieldsOnly {
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
