package environment

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue"
)

// Around returns the environment in CUE as the folder that writes a release says it:
// with the team's releases if it is a team's, and otherwise [Environment.Value].
func (e *Environment) Around(release string) cue.Value {
	found, ok := e.release(release)
	if !ok || found.Team == "" {
		return e.Value
	}
	return e.teamValue(found.Team)
}

func (e *Environment) teamValue(team string) cue.Value {
	i := slices.IndexFunc(e.Teams, func(t Team) bool { return t.Name == team })
	if i < 0 {
		return e.Value
	}
	return e.Teams[i].Value
}

// Whole returns all that the environment says of a release, its chart and what
// belongs to it beside its values.
func (e *Environment) Whole(release Release) cue.Value {
	var path []cue.Selector
	for _, name := range release.Path() {
		path = append(path, cue.Str(name))
	}
	return e.Around(release.Helm).LookupPath(cue.MakePath(path...))
}

// Release returns the release of the given name: that of an Application, or of a release
// that is written for all regions.
func (e *Environment) Release(name string) (Release, bool) { return e.release(name) }

// Find is [Find] below the environment, in the folder that writes what the path
// leads to. A release that runs in regions can be named there as its Application is.
func (e *Environment) Find(path []string) (found cue.Value, at []string) {
	if len(path) < 2 || path[0] != "releases" {
		return Find(e.Value, path)
	}
	release, ok := e.release(path[1])
	if ok && release.Name == path[1] {
		path = append(release.Path(), path[2:]...)
	}
	return Find(e.Around(path[1]), path)
}

// decodeBut is Decode of a struct without one of its fields.
func decodeBut(v cue.Value, left string) (map[string]any, error) {
	fields, err := v.Fields()
	if err != nil {
		return nil, err
	}
	data := map[string]any{}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if name == left {
			continue
		}
		var value any
		if err := fields.Value().Decode(&value); err != nil {
			return nil, err
		}
		data[name] = value
	}
	return data, nil
}

// Data returns the environment as maps, slices, strings, booleans and numbers, with
// the releases and waivers of its teams. Releases are there by the name of their
// Application; one in a region has the field region. Nobody may write to their values.
func (e *Environment) Data() (map[string]any, error) {
	data, err := decodeBut(e.Value, "releases")
	if err != nil {
		return nil, fmt.Errorf("reading environment %s: %w", e.Name, err)
	}
	for _, team := range e.Teams {
		waivers, err := e.waiverData(team.Name)
		if err != nil {
			return nil, err
		}
		own, _ := data["waivers"].([]any)
		data["waivers"] = append(own, waivers...)
	}
	releases := map[string]any{}
	data["releases"] = releases
	for _, release := range e.Releases {
		if releases[release.Name], err = e.releaseData(release); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// releaseData returns all that is said of a release; nobody may write to its values.
func (e *Environment) releaseData(release Release) (map[string]any, error) {
	tree, err := decodeBut(e.Whole(release), "values")
	if err == nil {
		tree["values"], err = release.valuesData()
	}
	if err != nil {
		return nil, fmt.Errorf("reading release %s of environment %s: %w", release.Name, e.Name, err)
	}
	if release.Region != "" {
		tree["region"] = release.Region
	}
	return tree, nil
}

// valuesData is the tree of the values, which is needed for rendering too and takes longer
// to read than all else. What that refuses is said where the release is rendered.
func (r Release) valuesData() (values any, err error) {
	if tree, err := r.Tree(); err == nil {
		return tree, nil
	}
	err = r.Values.Decode(&values)
	return values, err
}

// TeamData is [Environment.Data] of a team's folder alone, with its waivers apart: all
// else that it says is the environment's own.
func (e *Environment) TeamData(team string) (releases map[string]any, waivers []any, err error) {
	releases = map[string]any{}
	for _, release := range e.Releases {
		if release.Team != team {
			continue
		}
		if releases[release.Name], err = e.releaseData(release); err != nil {
			return nil, nil, err
		}
	}
	waivers, err = e.waiverData(team)
	return releases, waivers, err
}

func (e *Environment) waiverData(team string) ([]any, error) {
	var waivers []any
	if err := e.teamValue(team).LookupPath(cue.ParsePath("waivers")).Decode(&waivers); err != nil {
		return nil, fmt.Errorf("reading the waivers of team %s in environment %s: %w", team, e.Name, err)
	}
	return waivers, nil
}
