package cli

import (
	"errors"
	"fmt"
	"slices"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
)

// deployedPairs compares each environment with what is approved for it: a pair
// for every commit that takes. Those that nothing is approved for are compared
// with the merge base, and standard error says so.
func (a *app) deployedPairs(git *revision.Repository, to *side, args []string, progress *progress) ([]*pair, error) {
	base, baseErr := mergeBase(git, to) // An error counts if the state is needed.
	all := []*side{to}
	if baseErr == nil {
		all = append(all, base)
	}
	if err := chooseEnvironments(args, all...); err != nil {
		return nil, err
	}
	if err := to.load(a.loader); err != nil {
		return nil, &sideError{[]failedSide{{to, err}}}
	}
	names := slices.Clone(to.names)
	if base != nil {
		names = append(names, base.names...) // Those that are gone.
	}
	slices.Sort(names)
	var pairs []*pair
	for _, name := range slices.Compact(names) {
		from, note, err := deployedState(git, to, base, name)
		if err != nil {
			return nil, err
		}
		if from == nil {
			return nil, baseErr
		}
		progress.around(func() { fmt.Fprintf(a.Err, "%s: %s\n", name, note) })
		i := slices.IndexFunc(pairs, func(p *pair) bool { return p.from.state == from.state })
		if i < 0 {
			i = len(pairs)
			pairs = append(pairs, &pair{from: from, to: &side{state: to.state, repo: to.repo, loaded: true}})
		}
		pairs[i].add(name, to)
	}
	var failed sideError
	for _, p := range pairs {
		var one *sideError
		if err := p.load(a.loader); errors.As(err, &one) {
			failed.sides = append(failed.sides, one.sides...)
		}
	}
	if len(failed.sides) > 0 {
		return nil, &failed
	}
	if len(pairs) == 0 {
		pairs = []*pair{{from: &side{state: diff.State{Name: deployed}, repo: to.repo}, to: to}}
	}
	return pairs, nil
}

// deployedState returns the state that an environment is deployed from, and how it was
// found; or nil if that is the merge base and there is none.
func deployedState(git *revision.Repository, to, base *side, name string) (*side, string, error) {
	i := slices.IndexFunc(to.envs, func(env *environment.Environment) bool { return env.Name == name })
	follows := true // An environment that is gone can have an approval branch still.
	if i >= 0 {
		_, follows = to.envs[i].ApprovalBranch()
	}
	if follows {
		branch, ok, err := git.Approved(name)
		if err != nil {
			return nil, "", err
		}
		if ok {
			repo, err := git.Resolve(branch.Commit)
			if err != nil {
				return nil, "", err
			}
			note := "compared with what is approved at " + branch.Name + ", " + revision.Short(branch.Commit)
			return &side{state: diff.State{Name: deployed, Commit: branch.Commit}, repo: repo}, note, nil
		}
	}
	if base == nil {
		return nil, "", nil
	}
	why := "follows main, where nothing is approved"
	if follows {
		why = "nothing is approved yet, as there is no branch env/" + name + " here or at origin"
	}
	return &side{state: base.state, repo: base.repo}, why + "; compared with " + base.describe(), nil
}

// add takes one environment of the new state, if it is there, and of the state
// before, if it is there.
func (p *pair) add(name string, to *side) {
	for _, env := range to.envs {
		if env.Name == name {
			p.to.names = append(p.to.names, name)
			p.to.envs = append(p.to.envs, env)
		}
	}
	names, err := environment.Names(p.from.repo)
	if err == nil && slices.Contains(names, name) { // Else it is new.
		p.from.names = append(p.from.names, name)
	}
}
