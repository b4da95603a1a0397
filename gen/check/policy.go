package check

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/blame"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/parallel"
	"gitlab.com/towpath/towpath/gen/policy"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/waiver"
)

// Policy is the policy's judgement of some environments, under way.
type Policy struct {
	finder   *blame.Finder
	selected []*environment.Environment
	others   []Rendered
	values   <-chan values
}

// StartPolicy begins to hold environments against the policy alone, beside what the
// caller does next; others are those that rules look at besides. jobs is the number
// of releases rendered at once.
func StartPolicy(repo fs.FS, selected, others []*environment.Environment, jobs int) *Policy {
	return &Policy{
		finder: blame.New(repo), selected: selected,
		values: startValues(repo, slices.Concat(selected, others), selected),
		others: renderOthers(render.New(repo), others, jobs),
	}
}

// Findings returns what the policy finds, in the order of files, with the waivers that
// hold today. It takes every release of the selected environments.
func (p *Policy) Findings(rendered []Rendered, today time.Time) (finding.List, error) {
	findings, err := judge(p.finder, p.selected, slices.Concat(rendered, p.others), <-p.values, today)
	if err != nil {
		return nil, err
	}
	return merge(findings).Sort(), nil
}

// JudgePolicy holds environments against the policy alone, as [Run] does: some folders at
// a time, for any number of them. What is invalid in them is the error, a [finding.List];
// releases that don't render are left out.
func JudgePolicy(repo fs.FS, o Options) (finding.List, error) {
	r, err := newRun(repo, o)
	if err != nil {
		return nil, err
	}
	r.policyOnly = true
	if err := r.checkFolders(); err != nil {
		return nil, err
	}
	environments, invalid, ok := r.gathering.Environments()
	if ok {
		invalid = r.ofSelected(invalid)
	}
	if len(invalid) > 0 {
		return nil, invalid.Sort()
	}
	judged, err := r.policy(environments, r.selected(environments))
	if err != nil {
		return nil, err
	}
	return merge(judged).Sort(), nil
}

// values is what the rules over values have found, by environment.
type values struct {
	rules []finding.Rule
	found map[string][]policy.ValueViolation
	err   error
}

// startValues holds the values of the selected environments against envs/policy.
// It does so beside what the caller does next: rendering, which takes as long.
func startValues(repo fs.FS, all, selected []*environment.Environment) <-chan values {
	result := make(chan values, 1)
	data := &policy.Data{}
	for _, env := range all {
		tree, err := env.Data()
		if err == nil {
			err = data.Add(env.Name, tree)
		}
		if err != nil {
			result <- values{err: err}
			return result
		}
	}
	var names []string
	for _, env := range selected {
		names = append(names, env.Name)
	}
	go func() {
		rules, err := policy.Load(repo)
		if err != nil {
			result <- values{err: err}
			return
		}
		found, err := rules.Judge(data, names)
		result <- values{rules.Rules(), found, err}
	}()
	return result
}

// renderOthers renders the releases of environments that are not checked
// themselves, for the rules that look at all releases. What is wrong with them
// is not asked for.
func renderOthers(renderer *render.Renderer, others []*environment.Environment, jobs int) []Rendered {
	var rendered []Rendered
	for _, env := range others {
		for _, release := range env.Releases {
			rendered = append(rendered, Rendered{Environment: env, Release: release})
		}
	}
	parallel.Each(jobs, len(rendered), func(i int) {
		r := &rendered[i]
		objects, err := renderer.Release(r.Environment, r.Release)
		r.Objects, r.Broken = objects, err != nil
	})
	return rendered
}

// judge holds the selected environments against the policy: their values, and
// the objects of their releases among all that there are. It applies the waivers,
// and reports what is wrong with those.
func judge(finder *blame.Finder, selected []*environment.Environment, rendered []Rendered, v values, today time.Time) (finding.List, error) {
	if _, rest := finding.From(v.err); rest != nil {
		return nil, rest
	}
	candidates := map[string][]waiver.Candidate{}
	for _, env := range selected {
		candidates[env.Name] = valueFindings(env, v.found[env.Name])
	}
	judgements, releases := judgeObjects(rendered)
	broken := map[string]bool{}
	for i, r := range rendered {
		name := r.Environment.Name
		broken[name] = broken[name] || r.Broken
		if !slices.Contains(selected, r.Environment) {
			continue
		}
		for _, j := range judgements[releases[i]] {
			candidates[name] = append(candidates[name], objectJudgement(finder, r, j))
		}
	}
	return applied(selected, candidates, v, broken, today)
}

// applied returns what the policy finds in the selected environments, with their waivers
// applied and what is wrong with those. Environments that are broken may have kept some
// findings from being looked for.
func applied(selected []*environment.Environment, candidates map[string][]waiver.Candidate, v values, broken map[string]bool, today time.Time) (finding.List, error) {
	findings, _ := finding.From(v.err)
	known := policy.ObjectRules()
	for _, rule := range v.rules {
		known = append(known, rule.ID)
	}
	for _, env := range selected {
		waivable := slices.Clone(known)
		if v.err != nil {
			// Which rules there are is not known, so no waiver is for none.
			for _, w := range env.Waivers {
				waivable = append(waivable, w.Rule)
			}
		}
		findings = append(findings, waiver.Apply(env, candidates[env.Name], waivable, today, v.err == nil && !broken[env.Name])...)
	}
	return findings, nil
}

// judgeObjects returns what breaks a rule over objects, and the releases by which
// it is given, in the order of those rendered.
func judgeObjects(rendered []Rendered) (map[*policy.Release][]policy.Judgement, []*policy.Release) {
	var releases []*policy.Release
	for _, r := range rendered {
		releases = append(releases, policyRelease(r))
	}
	return policy.Objects(releases), releases
}

// policyRelease returns a release as rules see it.
func policyRelease(r Rendered) *policy.Release {
	return &policy.Release{Environment: r.Environment, Name: r.Release.Name, Helm: r.Release.Helm, Cluster: r.Environment.ClusterOf(r.Release), Objects: r.Objects}
}

func objectJudgement(finder *blame.Finder, r Rendered, j policy.Judgement) waiver.Candidate {
	rule, _ := finding.Lookup(j.Rule)
	place := place(finder, r.Environment, r.Release, j.Object, j.Path)
	return waiver.Candidate{
		Finding: finding.Finding{
			Rule: j.Rule, Severity: rule.Severity, Class: finding.Policy,
			Position: place.Position, Width: place.Width, Notes: place.Notes,
			Message: j.Message, Help: j.Help,
			Environment: r.Environment.Name, Release: r.Release.Name, Object: j.Object.String(),
		},
		Subject: j.Object.GroupKind() + "/" + j.Object.Name,
	}
}

// valueFindings puts violations at the line that sets the value: the
// environment's own, or else the contract's default.
func valueFindings(env *environment.Environment, violations []policy.ValueViolation) []waiver.Candidate {
	var candidates []waiver.Candidate
	for _, v := range violations {
		path := strings.Join(v.Path, ".")
		f := finding.Finding{
			Rule: v.Rule.ID, Severity: v.Rule.Severity, Class: finding.Policy,
			Position: finding.Position{File: env.Dir()},
			Message:  v.Message, Help: v.Help,
			Environment: env.Name, Value: path,
		}
		value, found := env.Find(v.Path)
		if origins := environment.Origins(value); len(origins) > 0 {
			f.Position, f.Width = origins[0].Label, origins[0].Width
			if origins[0].Contract() {
				f.Notes = ownPlace(env, found)
			}
		}
		candidates = append(candidates, waiver.Candidate{Finding: f, Subject: path})
	}
	return candidates
}

// ownPlace returns a note with the nearest place around a value that the
// environment itself writes, for a value that is a default.
func ownPlace(env *environment.Environment, path []string) []finding.Note {
	for n := len(path) - 1; n > 0; n-- {
		value, _ := env.Find(path[:n])
		if origins := environment.Origins(value); len(origins) > 0 && !origins[0].Contract() {
			return []finding.Note{{Position: origins[0].Label, Message: env.Name + " can set it in here"}}
		}
	}
	return nil
}
