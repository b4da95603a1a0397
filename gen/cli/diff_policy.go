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

// judgement is the policy's on both sides of a pair, under way: what it finds on each, asked
// once the side is rendered.
type judgement struct{ from, to ask }

type ask func(today time.Time, progress *progress) (finding.List, error)

// startPolicy begins to hold both sides against the policy, beside what the caller
// does next. It returns nil if there are not two states.
func (p *pair) startPolicy(jobs int) (*judgement, error) {
	if p.oneState {
		return nil, nil
	}
	start := (*side).startPolicy
	if p.untouched > 0 { // Rules look at what was left out all the same.
		start = (*side).policyOfAll
	}
	from, err := start(p.from, jobs)
	if err != nil {
		return nil, err
	}
	to, err := start(p.to, jobs)
	return &judgement{from, to}, err
}

// startPolicy begins to hold the environments that were loaded against the policy.
func (s *side) startPolicy(jobs int) (ask, error) {
	others, err := s.others()
	if err != nil {
		return nil, err
	}
	policy := check.StartPolicy(s.repo, s.envs, others, jobs)
	return func(today time.Time, _ *progress) (finding.List, error) { return policy.Findings(s.rendered(), today) }, nil
}

// policyOfAll holds everything against the policy, a few folders at a time, once it is asked.
func (s *side) policyOfAll(jobs int) (ask, error) {
	return func(today time.Time, progress *progress) (finding.List, error) {
		findings, err := check.JudgePolicy(s.repo, check.Options{Names: s.names, Jobs: jobs, Today: today, Progress: progress.folders()})
		if err != nil {
			return nil, &sideError{[]failedSide{{s, err}}}
		}
		return findings, nil
	}, nil
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
func (j *judgement) findings(today time.Time, progress *progress) (before, after finding.List, err error) {
	if j == nil {
		return nil, nil, nil
	}
	if before, err = j.from(today, progress); err != nil {
		return nil, nil, err
	}
	after, err = j.to(today, progress)
	return before, after, err
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
