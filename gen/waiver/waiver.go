// Package waiver lets an environment put up with findings of the policy for a
// while. A waiver names a rule, what may break it, a reason, an owner and a last
// day; it is itself held against rules, so that none is forgotten.
//
// Only rules of gen/policy and envs/policy can be waived: what is invalid stays
// invalid.
package waiver

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Candidate is a finding that a waiver may cover.
type Candidate struct {
	finding.Finding
	// Subject is what breaks the rule: Kind.group/name, or the path of a value.
	Subject string
}

// Apply holds the waivers of an environment against the findings of its policy.
// It returns all of them, those that are put up with having their waiver, and
// what is wrong with the waivers. waivable are the ids of all rules that can be
// waived. Unless complete is true, other findings may have kept some from being
// looked for, so that a waiver that covers none means nothing.
func Apply(env *environment.Environment, candidates []Candidate, waivable []string, today time.Time, complete bool) finding.List {
	var findings finding.List
	used := map[int]bool{}
	states := make([]state, len(env.Waivers))
	for i, w := range env.Waivers {
		states[i] = stateOf(w, waivable, today)
	}
	for _, c := range candidates {
		f := c.Finding
		for i, w := range env.Waivers {
			if w.Rule != f.Rule || !matches(w.Object, c.Subject) || !covers(env, w, c) {
				continue
			}
			used[i] = true
			if states[i] == valid && f.Waiver == nil {
				f.Waiver = &finding.Waiver{Reason: w.Reason, Owner: w.Owner, Until: w.Until, Position: env.WaiverOrigin(i, "").Label}
			}
		}
		findings = append(findings, f)
	}
	for i := range env.Waivers {
		f, bad := judge(env, i, states[i], waivable, today)
		if !bad && !used[i] && complete {
			f, bad = unused(env, i, candidates), true
		}
		if bad {
			f.Environment = env.Name
			findings = append(findings, f)
		}
	}
	return findings
}

type state int

const (
	valid state = iota
	expired
	tooLong
	unknownRule
)

// day is the form of a date. Dates in it have the order of their texts.
const day = time.DateOnly

func stateOf(w environment.Waiver, waivable []string, today time.Time) state {
	switch {
	case !slices.Contains(waivable, w.Rule):
		return unknownRule
	case w.Until < today.Format(day):
		return expired
	case w.Until > today.AddDate(1, 0, 0).Format(day):
		return tooLong
	}
	return valid
}

// matches reports whether a pattern, as of path.Match, covers a subject.
func matches(pattern, subject string) bool {
	ok, err := path.Match(pattern, subject)
	return err == nil && ok || pattern == subject
}

// covers reports whether a waiver may cover a finding: that of a team's folder
// covers the team's releases, and no others.
func covers(env *environment.Environment, w environment.Waiver, c Candidate) bool {
	if w.Team == "" {
		return true
	}
	release := c.Release
	if path := environment.SplitPath(c.Value); len(path) > 1 && path[0] == "releases" {
		release = path[1]
	}
	return slices.ContainsFunc(env.Releases, func(r environment.Release) bool { return r.Name == release && r.Team == w.Team })
}

// judge returns the finding about a waiver itself, if there is one.
func judge(env *environment.Environment, i int, s state, waivable []string, today time.Time) (f finding.Finding, bad bool) {
	w := env.Waivers[i]
	switch s {
	case expired:
		return at(env, i, "until", finding.Finding{
			Rule:    "waiver-expired",
			Message: fmt.Sprintf("the waiver for %s ended on %s", w.Rule, w.Until),
			Help:    fmt.Sprintf("mend what it covered and remove it, or agree on another date with %s", w.Owner),
		}), true
	case tooLong:
		return at(env, i, "until", finding.Finding{
			Rule:    "waiver-too-long",
			Message: fmt.Sprintf("the waiver for %s ends on %s, more than a year from now", w.Rule, w.Until),
			Help:    "choose a day up to " + today.AddDate(1, 0, 0).Format(day),
		}), true
	case unknownRule:
		f := finding.Finding{Rule: "waiver-unknown-rule", Message: fmt.Sprintf("no rule is called %q", w.Rule)}
		if rule, ok := finding.Lookup(w.Rule); ok {
			f.Message = fmt.Sprintf("%s can't be waived", w.Rule)
			f.Help = fmt.Sprintf("it is a rule of class %s", rule.Class)
			if rule.CheckedBy != "" {
				f.Help += ", checked by " + rule.CheckedBy
			}
		} else if f.Help = finding.DidYouMean(w.Rule, waivable); f.Help == "" {
			f.Help = "gen check --rules lists the rules"
		}
		return at(env, i, "rule", f), true
	}
	if _, err := path.Match(w.Object, ""); err != nil {
		return at(env, i, "object", finding.Finding{
			Rule:    "waiver-unused",
			Message: fmt.Sprintf("the pattern %q can't be read", w.Object),
			Help:    "write Kind.group/name or the path of a value, with * for any text without a slash",
		}), true
	}
	return finding.Finding{}, false
}

// unused reports a waiver that covers nothing, and what it may be meant to.
func unused(env *environment.Environment, i int, candidates []Candidate) finding.Finding {
	w := env.Waivers[i]
	f := finding.Finding{
		Rule:    "waiver-unused",
		Message: fmt.Sprintf("the waiver for %s covers nothing", w.Rule),
		Help:    "remove it: nothing breaks the rule",
	}
	var subjects []string
	for _, c := range candidates {
		if c.Rule == w.Rule && covers(env, w, c) && !slices.Contains(subjects, c.Subject) {
			subjects = append(subjects, c.Subject)
		}
	}
	if len(subjects) > 0 {
		f.Message = fmt.Sprintf("the waiver for %s covers nothing of the name %s", w.Rule, w.Object)
		f.Help = "what breaks the rule is " + strings.Join(subjects[:min(3, len(subjects))], ", ")
		return at(env, i, "object", f)
	}
	return at(env, i, "rule", f)
}

// at puts a finding at a field of a waiver.
func at(env *environment.Environment, i int, field string, f finding.Finding) finding.Finding {
	rule, _ := finding.Lookup(f.Rule)
	o := env.WaiverOrigin(i, field)
	f.Severity, f.Position, f.Width = rule.Severity, o.Label, o.Width
	return f
}
