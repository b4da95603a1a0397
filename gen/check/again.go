package check

import (
	"cmp"
	"slices"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/policy"
	"gitlab.com/towpath/towpath/gen/waiver"
)

// again is what is found with everything known, and has to be led back to lines of
// folders that were let go: these are loaded once more.
type again struct{ folders map[environment.Folder][]task }

// task is the place of one violation to look for: of a value, or of an object.
type task struct {
	slot    int // among the environment's candidates
	value   *policy.ValueViolation
	object  *policy.Judgement
	release environment.Release
}

func newAgain() *again { return &again{map[environment.Folder][]task{}} }

func (a *again) add(f environment.Folder, t task) { a.folders[f] = append(a.folders[f], t) }

// value looks for the place of a value.
func (a *again) value(env *environment.Environment, slot int, v policy.ValueViolation) {
	folder := environment.Folder{Environment: env.Name}
	if len(v.Path) > 1 && v.Path[0] == "releases" {
		if release, ok := env.Release(v.Path[1]); ok {
			folder.Team = release.Team
		}
	}
	a.add(folder, task{slot: slot, value: &v})
}

// object looks for the place of a field of an object.
func (a *again) object(env *environment.Environment, release environment.Release, slot int, j policy.Judgement) {
	a.add(environment.Folder{Environment: env.Name, Team: release.Team}, task{slot: slot, object: &j, release: release})
}

// look loads the folders and fills in the candidates.
func (a *again) look(r *run, candidates map[string][]waiver.Candidate) error {
	var folders []environment.Folder
	var sizes []int64
	for _, folder := range r.gathering.Folders() {
		if len(a.folders[folder]) == 0 {
			continue
		}
		size, _, err := folder.Written(r.repo)
		if err != nil {
			return err
		}
		folders, sizes = append(folders, folder), append(sizes, size)
	}
	return fleet.Batches(sizes, cmp.Or(r.BatchBytes, fleet.BatchBytes), func(from, to int) error {
		loaded, err := r.gathering.Load(folders[from:to])
		if err != nil {
			return err
		}
		for _, folder := range folders[from:to] {
			for _, t := range a.folders[folder] {
				// Each has a place of its own, so nobody waits for anybody.
				candidates[folder.Environment][t.slot], err = t.candidate(r, loaded[folder])
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (t task) candidate(r *run, env *environment.Environment) (waiver.Candidate, error) {
	if t.value != nil {
		return valueFindings(env, []policy.ValueViolation{*t.value})[0], nil
	}
	i := slices.IndexFunc(env.Releases, func(release environment.Release) bool {
		return release.Name == t.release.Name && release.Helm == t.release.Helm
	})
	release := env.Releases[i]
	objects, err := r.renderer.Release(env, release)
	if err != nil {
		return waiver.Candidate{}, err
	}
	j := *t.object
	j.Object, _ = policy.Find(objects, j.Object)
	return objectJudgement(r.finder, Rendered{Environment: env, Release: release, Objects: []manifest.Object{j.Object}}, j), nil
}
