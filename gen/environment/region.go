package environment

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Region is one of several clusters that run an environment.
type Region struct {
	Cluster
	// Sync is automated or manual.
	Sync string `json:"sync"`
}

// ClusterOf returns the cluster that a release runs in.
func (e *Environment) ClusterOf(release Release) Cluster {
	if region, ok := e.Regions[release.Region]; ok {
		return region.Cluster
	}
	return e.Cluster
}

// SyncOf returns how Argo CD syncs a release: automated or manual.
func (e *Environment) SyncOf(release Release) string {
	if region, ok := e.Regions[release.Region]; ok {
		return region.Sync
	}
	return e.Delivery.Sync
}

// Place is a cluster that an environment runs in, with the name of its region, which
// is "" if the environment has none.
type Place struct {
	Region string
	Cluster
}

// Places returns the clusters that the environment runs in, ordered by region.
func (e *Environment) Places() []Place {
	if len(e.Regions) == 0 {
		return []Place{{Cluster: e.Cluster}}
	}
	var places []Place
	for _, name := range slices.Sorted(maps.Keys(e.Regions)) {
		places = append(places, Place{name, e.Regions[name].Cluster})
	}
	return places
}

// Written returns the releases as they are written, once each whatever their
// regions. Those of an environment with regions have no values of their own.
func (e *Environment) Written() []Release {
	written := slices.CompactFunc(slices.Clone(e.Releases), func(a, b Release) bool { return a.Helm == b.Helm })
	for i := range written {
		if written[i].Region != "" {
			written[i].Name, written[i].Region = written[i].Helm, ""
		}
	}
	return written
}

// ReleasesOf returns the releases that are written under a name: one for each region.
func (e *Environment) ReleasesOf(name string) []Release {
	var all []Release
	for _, release := range e.Releases {
		if release.Helm == name {
			all = append(all, release)
		}
	}
	return all
}

// Path returns the names on the way from the environment to what is said of the
// release, in the order of CUE's fields.
func (r Release) Path() []string {
	if r.Region == "" {
		return []string{"releases", r.Helm}
	}
	return []string{"releases", r.Helm, "regions", r.Region}
}

// release returns the release of the given name: of an Application, or of one that
// is written for all regions.
func (e *Environment) release(name string) (Release, bool) {
	for _, same := range []func(Release) bool{
		func(r Release) bool { return r.Name == name },
		func(r Release) bool { return r.Helm == name },
	} {
		if i := slices.IndexFunc(e.Releases, same); i >= 0 {
			return e.Releases[i], true
		}
	}
	return Release{}, false
}

// inRegions returns a release once for each region, or by itself without any.
// Without any, its values have the keys.
func inRegions(release Release, v cue.Value, regions map[string]Region, keys []key, same *untouched) []Release {
	release.Helm = release.Name
	if len(regions) == 0 {
		release.Values, release.tree = v.LookupPath(valuesPath), &tree{untouched: same, keys: keys}
		return []Release{release}
	}
	var all []Release
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		one := release
		one.Name, one.Region, one.tree = release.Helm+"-"+region, region, &tree{untouched: same}
		one.Values = v.LookupPath(cue.MakePath(cue.Str("regions"), cue.Str(region), cue.Str("values")))
		all = append(all, one)
	}
	return all
}

// byName orders releases by the name of their Application.
func byName(a, b Release) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Helm, b.Helm))
}

// clashes reports releases whose Applications would have one name, as web-a in
// region b and web in region a-b have.
func (e *Environment) clashes() finding.List {
	return clashes(e.Name, e.Releases, e.placeOf)
}

// placeOf returns the place of a release.
func (e *Environment) placeOf(r Release) Origin {
	origins := Origins(e.Around(r.Helm).LookupPath(releasePath(r.Helm)))
	if len(origins) == 0 {
		return Origin{}
	}
	return origins[0]
}

// clashes is [Environment.clashes] of releases that are ordered by name.
func clashes(env string, releases []Release, place func(Release) Origin) finding.List {
	d := diagnosis{env: env}
	for i := 1; i < len(releases); i++ {
		a, b := releases[i-1], releases[i]
		if a.Name != b.Name {
			continue
		}
		d.addAt(place(b), finding.Finding{
			Rule:    "duplicate-release",
			Message: fmt.Sprintf("%s in region %s has the Application %s, and so has %s in region %s", b.Helm, b.Region, b.Name, a.Helm, a.Region),
			Help:    "give one of the two another name: a release belongs to one folder",
			Notes:   []finding.Note{{Position: place(a).Label, Message: "the other one"}},
		})
	}
	return withEnvironment(d.findings, env)
}

// judged tells which paths of a folder's are judged there: those of its own
// releases, and of one that runs in regions what it is in each of them. What is said
// for all regions need not be whole by itself.
type judged struct {
	mine     func(release string) bool
	regional bool
}

func (j judged) elsewhere(at cue.Path) bool {
	selectors := at.Selectors()
	if len(selectors) < 2 || selectors[0].String() != "releases" {
		return false
	}
	if !j.mine(lastLabel(cue.MakePath(selectors[1]))) {
		return true
	}
	return j.regional && len(selectors) > 2 && selectors[2].String() == "values"
}

// valid reports whether what is judged is valid and concrete.
func (j judged) valid(v cue.Value) bool {
	ok := func(v cue.Value) bool { return v.Validate(cue.Concrete(true)) == nil }
	rules := cue.MakePath(cue.Hid(rulesField, contractPackage))
	each := func(v cue.Value, valid func(name string, v cue.Value) bool) bool {
		if r := v.LookupPath(rules); r.Exists() && !ok(r) {
			return false
		}
		fields, err := v.Fields(cue.Optional(true))
		if err != nil {
			return false
		}
		for fields.Next() {
			if fields.Selector().ConstraintType() == cue.RequiredConstraint {
				return false
			}
			if !fields.IsOptional() && !valid(fields.Selector().Unquoted(), fields.Value()) {
				return false
			}
		}
		return true
	}
	return each(v, func(name string, v cue.Value) bool {
		if name != "releases" {
			return ok(v)
		}
		return each(v, func(release string, v cue.Value) bool {
			switch {
			case !j.mine(release):
				return true
			case !j.regional:
				return ok(v)
			}
			return each(v, func(name string, v cue.Value) bool { return name == "values" || ok(v) })
		})
	})
}
