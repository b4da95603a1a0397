// Package report writes a [diff.Report] for people and programs: as text for a
// terminal, as Markdown for a note on a merge request, as JSON, and as one HTML
// file that needs nothing but a browser.
//
// All of them say the same in the same order, the same bytes every time. Names
// and values come from charts and from people; a format that gives meaning to
// characters gets none of them as they are, see [visible].
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
)

// changes are what can become of an object, in the order in which they are
// counted and offered.
var changes = []diff.Change{diff.Removed, diff.Replaced, diff.Changed, diff.Renamed, diff.Added, diff.Unchanged}

// sign is the one character that stands for a change in every format.
func sign(c diff.Change) string {
	switch c {
	case diff.Added:
		return "+"
	case diff.Removed:
		return "-"
	case diff.Changed:
		return "~"
	case diff.Replaced:
		return "!"
	case diff.Renamed:
		return "→"
	default:
		return " "
	}
}

// levels are the levels of risk, highest first.
var levels = []diff.Level{diff.High, diff.Medium, diff.Low}

// weight orders levels: 0 is no risk at all.
func weight(l diff.Level) int {
	if i := slices.Index(levels, l); i >= 0 {
		return len(levels) - i
	}
	return 0
}

// tally counts what becomes of a number of objects.
type tally struct {
	changes map[diff.Change]int
	risks   map[diff.Level]int
	// idle are the values that changed and alter nothing.
	values, idle int
}

func newTally() *tally {
	return &tally{changes: map[diff.Change]int{}, risks: map[diff.Level]int{}}
}

func (t *tally) release(r diff.Release) *tally {
	for _, o := range r.Objects {
		t.changes[o.Change]++
		for _, risk := range o.Risks {
			t.risks[risk.Level]++
		}
	}
	for _, v := range r.Values {
		t.values++
		if len(v.Objects) == 0 {
			t.idle++
		}
	}
	return t
}

func (t *tally) environment(e diff.Environment) *tally {
	for _, r := range e.Releases {
		t.release(r)
	}
	return t
}

func (t *tally) report(r *diff.Report) *tally {
	for _, e := range r.Environments {
		t.environment(e)
	}
	return t
}

// objects is the number of all objects, changed those that do not stay as they are.
func (t *tally) objects() (n int) {
	for _, count := range t.changes {
		n += count
	}
	return n
}

func (t *tally) changed() int { return t.objects() - t.changes[diff.Unchanged] }

// highest is the highest level of risk, "" without any.
func (t *tally) highest() diff.Level {
	for _, l := range levels {
		if t.risks[l] > 0 {
			return l
		}
	}
	return ""
}

// String says what changes in a few words: 1 removed, 3 changed, 12 unchanged.
func (t *tally) String() string {
	var parts []string
	for _, c := range changes {
		if n := t.changes[c]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", grouped(n), c))
		}
	}
	return strings.Join(parts, ", ")
}

// risky says how many risks there are of which level: 1 high, 2 low.
func (t *tally) risky() string {
	var parts []string
	for _, l := range levels {
		if n := t.risks[l]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", grouped(n), l))
		}
	}
	return strings.Join(parts, ", ")
}

// moves reports whether anything of a release changes, values that alter nothing
// included.
func moves(r diff.Release) bool {
	return r.Change != diff.Unchanged || len(r.Values) > 0 ||
		slices.ContainsFunc(r.Objects, func(o diff.Object) bool { return o.Change != diff.Unchanged })
}

// threat is one risk with the object that it is about.
type threat struct {
	diff.Risk
	environment, release string
	object               diff.Object
}

// threats are the risks of a release, highest first, then in the order of objects.
func threats(e diff.Environment, r diff.Release) []threat {
	var all []threat
	for _, o := range r.Objects {
		for _, risk := range o.Risks {
			all = append(all, threat{risk, e.Name, r.Name, o})
		}
	}
	return sortThreats(all)
}

func sortThreats(all []threat) []threat {
	slices.SortStableFunc(all, func(a, b threat) int { return cmp.Compare(weight(b.Level), weight(a.Level)) })
	return all
}

// riskOf is the highest level among an object's risks.
func riskOf(o diff.Object) diff.Level {
	var highest diff.Level
	for _, risk := range o.Risks {
		if weight(risk.Level) > weight(highest) {
			highest = risk.Level
		}
	}
	return highest
}

// title is what people call an object within its release.
func title(o diff.Object) string { return o.Kind + " " + o.Name }

// judged says in a few words what the policy finds: 1 introduced, 2 resolved.
func judged(p *diff.Policy) string {
	var parts []string
	for _, group := range []struct {
		list finding.List
		word string
	}{{p.Introduced, "introduced"}, {p.Resolved, "resolved"}, {p.Remaining, "as before"}, {p.Waived, "waived"}} {
		if n := len(group.list); n > 0 {
			parts = append(parts, grouped(n)+" "+group.word)
		}
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

// about is what a finding is about, from the environment down.
func about(f finding.Finding) string {
	var parts []string
	for _, s := range []string{f.Environment, f.Release, f.Object, f.Value} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " / ")
}

// stateName is what to call a side of the comparison.
func stateName(s diff.State) string {
	if s.Commit == "" || strings.HasPrefix(s.Commit, s.Name) && s.Name != "" {
		return s.Name
	}
	short := s.Commit[:min(len(s.Commit), 10)]
	if s.Name == "" {
		return short
	}
	return s.Name + " (" + short + ")"
}

func places(positions []finding.Position) []string {
	var all []string
	for _, p := range positions {
		all = append(all, p.String())
	}
	return all
}

// cause is one place with what it has to say.
func cause(n finding.Note) string {
	switch {
	case n.Message == "":
		return n.Position.String()
	case !n.IsValid():
		return n.Message
	default:
		return n.Position.String() + " " + n.Message
	}
}

// plural is a count with its noun: 1 object, 2 objects.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped writes a number as people read it: 12,345.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// leftOut says in a sentence which folders the report is not about, "" if it is about all.
func leftOut(r *diff.Report) string {
	if r.Untouched == 0 {
		return ""
	}
	return fmt.Sprintf("%s of teams, which no changed file can touch, %s left out.", plural(r.Untouched, "folder"), verb(r.Untouched, "is", "are"))
}
