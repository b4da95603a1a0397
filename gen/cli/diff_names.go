package cli

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/affected"
)

// diffNames lists what the files that changed can touch.
func (a *app) diffNames(o diffOptions, pairs []*pair) error {
	touched := []affected.Environment{}
	for _, p := range pairs {
		names, err := p.affected()
		if err != nil {
			return err
		}
		touched = append(touched, names...)
	}
	slices.SortFunc(touched, func(x, y affected.Environment) int { return strings.Compare(x.Name, y.Name) })
	if o.format == "json" {
		if err := a.printJSON(touched); err != nil {
			return err
		}
	} else {
		for _, env := range touched {
			if len(env.Releases) == 0 {
				fmt.Fprintln(a.Out, env.Name)
			}
			for _, release := range env.Releases {
				fmt.Fprintf(a.Out, "%s/%s\n", env.Name, release)
			}
		}
	}
	if len(touched) > 0 && !o.exitZero {
		return errReported{exitStale}
	}
	return nil
}

// affected returns what the files that differ between two states can touch.
func (p *pair) affected() ([]affected.Environment, error) {
	if p.oneState {
		return p.differing()
	}
	changed, err := p.changedFiles()
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	from, err := affected.Load(p.from.repo, p.from.envs)
	if err != nil {
		return nil, err
	}
	to, err := affected.Load(p.to.repo, p.to.envs)
	if err != nil {
		return nil, err
	}
	return affected.By(changed, from, to), nil
}

// differing returns the releases of two environments of one state that can differ:
// those that get other values or another chart, but for what is meant to differ.
func (p *pair) differing() ([]affected.Environment, error) {
	p.plan()
	p.request(runtime.GOMAXPROCS(0))
	if err := p.failures(); err != nil {
		return nil, err
	}
	if err := p.join(); err != nil {
		return nil, err
	}
	var names []string
	for _, j := range p.jobs {
		if len(j.sides) == 1 && !slices.Contains(names, j.release.Name) {
			names = append(names, j.release.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	slices.Sort(names)
	return []affected.Environment{{Name: p.to.envs[0].Name, Releases: names}}, nil
}
