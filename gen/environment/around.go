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

// decode is Decode of the environment's own value, but for releases that are in
// regions only.
func (e *Environment) decode(data *map[string]any) error {
	if len(e.Regions) == 0 {
		return e.Value.Decode(data)
	}
	*data = map[string]any{}
	fields, err := e.Value.Fields()
	if err != nil {
		return err
	}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if name == "releases" {
			continue
		}
		var value any
		if err := fields.Value().Decode(&value); err != nil {
			return err
		}
		(*data)[name] = value
	}
	return nil
}

// Data returns the environment as maps, slices, strings, booleans and numbers, with
// the releases and waivers of its teams. Releases are there by the name of their
// Application; one in a region has the field region.
func (e *Environment) Data() (map[string]any, error) {
	var data map[string]any
	if err := e.decode(&data); err != nil {
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
	releases, _ := data["releases"].(map[string]any)
	if releases == nil || len(e.Regions) > 0 {
		releases = map[string]any{}
		data["releases"] = releases
	}
	for _, release := range e.Releases {
		if release.Team == "" && release.Region == "" {
			continue
		}
		tree, err := e.releaseData(release)
		if err != nil {
			return nil, err
		}
		releases[release.Name] = tree
	}
	return data, nil
}

func (e *Environment) releaseData(release Release) (map[string]any, error) {
	var tree map[string]any
	if err := e.Whole(release).Decode(&tree); err != nil {
		return nil, fmt.Errorf("reading release %s of environment %s: %w", release.Name, e.Name, err)
	}
	if release.Region != "" {
		tree["region"] = release.Region
	}
	return tree, nil
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
