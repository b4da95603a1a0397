package cli

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// judgesPolicy reports whether a report says what the policy finds. It takes as long
// as all the rest, so a terminal, where somebody waits, gets it from gen check.
func (o diffOptions) judgesPolicy() bool { return o.format != "text" || o.note || o.reports != "" }

// judgement is the policy's on both sides of a pair, under way.
type judgement struct {
	jobs int
	// from and to are nil if folders were left out. Rules look at them all the same.
	from, to *check.Policy
}

// startPolicy begins to hold both sides against the policy, beside what the caller
// does next. It returns nil if there are not two states.
func (p *pair) startPolicy(jobs int) (*judgement, error) {
	if p.oneState {
		return nil, nil
	}
	j := judgement{jobs: jobs}
	if p.untouched > 0 {
		return &j, nil
	}
	for _, one := range []struct {
		side   *side
		policy **check.Policy
	}{{p.from, &j.from}, {p.to, &j.to}} {
		others, err := one.side.others()
		if err != nil {
			return nil, err
		}
		*one.policy = check.StartPolicy(one.side.repo, one.side.envs, others, jobs)
	}
	return &j, nil
}

// others returns the environments of a side that are not compared. Rules may look at
// them too; those that are invalid are left out, as gen check says what is wrong.
func (s *side) others() ([]*environment.Environment, error) {
	names, err := environment.Names(s.repo)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return slices.ContainsFunc(s.envs, func(env *environment.Environment) bool { return env.Name == name })
	})
	if len(names) == 0 {
		return nil, nil
	}
	set, err := environment.Load(s.repo, names)
	if _, rest := finding.From(err); rest != nil {
		return nil, rest
	}
	if set == nil {
		return nil, nil
	}
	return set.Environments, nil
}

// findings returns what the policy finds on both sides, once they are rendered.
func (j *judgement) findings(p *pair, today time.Time, progress *progress) (before, after finding.List, err error) {
	if j == nil {
		return nil, nil, nil
	}
	if p.untouched > 0 {
		if before, err = j.ofAll(p.from, today, progress); err != nil {
			return nil, nil, err
		}
		after, err = j.ofAll(p.to, today, progress)
		return before, after, err
	}
	if before, err = j.from.Findings(p.from.rendered(), today); err != nil {
		return nil, nil, err
	}
	after, err = j.to.Findings(p.to.rendered(), today)
	return before, after, err
}

// ofAll returns what the policy finds on a side, of which some folders were left out.
func (j *judgement) ofAll(s *side, today time.Time, progress *progress) (finding.List, error) {
	findings, err := check.JudgePolicy(s.repo, check.Options{Names: s.names, Jobs: j.jobs, Today: today, Progress: progress.folders()})
	if err != nil {
		return nil, &sideError{[]failedSide{{s, err}}}
	}
	return findings, nil
}

// rendered returns the releases of a side as checks take them.
func (s *side) rendered() []check.Rendered {
	objects := s.objects
	if s.again != nil {
		objects = s.again // The policy is this gen's.
	}
	var all []check.Rendered
	for _, env := range s.envs {
		for _, release := range env.Releases {
			all = append(all, check.Rendered{Environment: env, Release: release, Objects: objects[env.Name][release.Name]})
		}
	}
	return all
}
