package policy

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Dir is the folder of the rules in CUE, relative to the repository's root.
const Dir = environment.Dir + "/policy"

// Values are the rules over values of one repository: the package envs/policy. It
// is not for several goroutines at once.
type Values struct {
	rules   []finding.Rule
	context *cue.Context
	value   cue.Value // of the package; the zero value if the repository has none
	repo    fs.FS
	scopes  map[string]scope // of rules, by id
	// evaluated is the most releases that were evaluated in one go.
	evaluated *most
}

// most is the largest of some numbers.
type most struct {
	mu    sync.Mutex
	count int
}

func (m *most) atLeast(count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count = max(m.count, count)
}

// ValueViolation is one value of an environment that breaks a rule.
type ValueViolation struct {
	Rule finding.Rule
	// Path is the value's, from the environment's root.
	Path    []string
	Message string
	Help    string
}

// Load reads envs/policy. A repository without that folder has no rules over
// values. If a rule is broken, the error is a [finding.List].
func Load(repo fs.FS) (*Values, error) {
	inst, err := environment.LoadPolicy(repo)
	if err != nil || inst == nil {
		return &Values{}, err
	}
	if inst.Err != nil {
		return nil, environment.CUEFindings(inst.Err).Sort()
	}
	p := &Values{context: cuecontext.New(), repo: repo, scopes: scopes(inst.Files), evaluated: &most{}}
	p.value = p.context.BuildInstance(inst)
	all := p.value.LookupPath(cue.ParsePath("rules"))
	fields, err := all.Fields()
	if err != nil {
		return nil, environment.CUEFindings(cmp.Or(p.value.Err(), err)).Sort()
	}
	var findings finding.List
	for fields.Next() {
		rule, err := newRule(fields.Value())
		rule.ID = fields.Selector().Unquoted()
		if _, taken := finding.Lookup(rule.ID); taken && err == nil {
			err = errors.Newf(fields.Value().Pos(), "a rule of gen has this id already")
		}
		if err != nil {
			findings = append(findings, invalid(fields.Value(), rule.ID, "", err))
			continue
		}
		p.rules = append(p.rules, rule)
	}
	if len(findings) > 0 {
		return nil, findings.Sort()
	}
	slices.SortFunc(p.rules, func(a, b finding.Rule) int { return strings.Compare(a.ID, b.ID) })
	return p, nil
}

// newRule reads all of a rule but its violations, which have nothing to look at
// yet.
func newRule(v cue.Value) (finding.Rule, error) {
	rule := finding.Rule{Class: finding.Policy}
	if err := v.Err(); err != nil {
		return rule, err
	}
	origins := environment.Origins(v)
	if len(origins) > 0 {
		rule.CheckedBy = origins[0].Label.File
	}
	for _, field := range []string{"severity", "title", "why", "bad", "good"} {
		value := v.LookupPath(cue.MakePath(cue.Str(field)))
		if !value.Exists() {
			return rule, errors.Newf(v.Pos(), "it has no %s", field)
		}
		if err := value.Validate(cue.Concrete(true), cue.Final()); err != nil {
			return rule, err
		}
	}
	if !v.LookupPath(cue.MakePath(cue.Str("violations"))).Exists() {
		return rule, errors.Newf(v.Pos(), "it has no violations")
	}
	if err := v.Decode(&struct {
		Severity *finding.Severity `json:"severity"`
		Title    *string           `json:"title"`
		Why      *string           `json:"why"`
	}{&rule.Severity, &rule.Title, &rule.Why}); err != nil {
		return rule, err
	}
	rule.Why = strings.Join(strings.Fields(rule.Why), " ")
	rule.Bad, rule.Good = written(v, "bad"), written(v, "good")
	return rule, nil
}

// written returns a field of a rule as its file has it.
func written(rule cue.Value, field string) string {
	for _, o := range environment.Origins(rule.LookupPath(cue.MakePath(cue.Str(field)))) {
		if isSchema(o) {
			continue
		}
		expr := o.Expr
		if lit, ok := expr.(*ast.StructLit); ok {
			// The fields by themselves, as they stand in environments.
			text, err := format.Node(&ast.File{Decls: lit.Elts}, format.Simplify())
			if err == nil {
				return strings.TrimSpace(string(text)) + "\n"
			}
		}
		return o.Text + "\n"
	}
	return ""
}

// isSchema reports whether the place bounds a rule and is none.
func isSchema(o environment.Origin) bool { return path.Base(o.Label.File) == "policy.cue" }

// Rules returns the rules, ordered by id.
func (p *Values) Rules() []finding.Rule { return p.rules }

// Lookup returns the rule with the given id.
func (p *Values) Lookup(id string) (finding.Rule, bool) {
	i := slices.IndexFunc(p.rules, func(r finding.Rule) bool { return r.ID == id })
	if i < 0 {
		return finding.Rule{}, false
	}
	return p.rules[i], true
}

// Judge holds each of the named environments against the rules, which see all of them.
// If a rule can't be evaluated, the error is a [finding.List].
//
// Rules that look at releases one by one are evaluated for some releases at a time; see
// [scope].
func (p *Values) Judge(d *Data, names []string) (map[string][]ValueViolation, error) {
	found := newViolations(names)
	var rest []finding.Rule
	byScope := map[scope][]finding.Rule{}
	for _, rule := range p.rules {
		byScope[p.scopes[rule.ID]] = append(byScope[p.scopes[rule.ID]], rule)
	}
	for _, s := range []scope{once, apart} {
		rules := byScope[s]
		if len(rules) == 0 {
			continue
		}
		if ok, err := p.judgeParts(d, names, s, rules, found); err != nil {
			return nil, err
		} else if !ok {
			// What is wrong then is said of everything at once.
			for _, rule := range rules {
				for _, name := range names {
					delete(found[name], rule.ID)
				}
			}
			rest = append(rest, rules...)
		}
	}
	rest = append(rest, byScope[whole]...)
	var findings finding.List
	if len(rest) > 0 {
		part, err := d.part(nil)
		if err != nil {
			return nil, err
		}
		findings = p.judgePart(p.context, p.value, part, names, rest, found)
	}
	violations := map[string][]ValueViolation{}
	for _, name := range names {
		for _, rule := range p.rules {
			violations[name] = append(violations[name], found[name][rule.ID]...)
		}
	}
	return violations, unrepeated(findings).Sort().Err()
}

// judgeParts holds environments against the rules of one scope, and adds to found what
// breaks them. It reports whether it could: whether the rules can be evaluated apart
// from others, and for everything.
func (p *Values) judgeParts(d *Data, names []string, s scope, rules []finding.Rule, found violations) (ok bool, err error) {
	parts := []map[string][]string{{}}
	if s == apart {
		parts = d.parts()
	}
	batches := slices.Collect(slices.Chunk(parts, contextParts))
	foundIn := make([]violations, len(batches))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, batch := range batches {
		group.Go(func() (err error) {
			foundIn[i], err = p.judgeBatch(d, names, s, rules, batch)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	for _, batch := range foundIn {
		if batch == nil {
			return false, nil
		}
		for name, byRule := range batch {
			for id, more := range byRule {
				found[name][id] = append(found[name][id], more...)
			}
		}
	}
	return true, nil
}

// violations are those that were found, by environment and rule.
type violations map[string]map[string][]ValueViolation

func newViolations(names []string) violations {
	found := violations{}
	for _, name := range names {
		found[name] = map[string][]ValueViolation{}
	}
	return found
}

// contextParts is how many parts are evaluated in one context of CUE, which never lets
// go of anything.
const contextParts = 4

// judgeBatch holds some parts of the environments against rules of one scope. It returns
// nil if a rule can't be evaluated for them, and has to be for everything at once.
func (p *Values) judgeBatch(d *Data, names []string, s scope, rules []finding.Rule, parts []map[string][]string) (violations, error) {
	inst, err := environment.LoadPolicy(p.repo)
	if err != nil {
		return nil, err
	}
	leave(inst.Files, func(id string) bool { return p.scopes[id] == s })
	context := cuecontext.New()
	value := context.BuildInstance(inst)
	if value.Err() != nil {
		return nil, nil //nolint:nilerr // It is said of everything at once.
	}
	found := newViolations(names)
	for _, wanted := range parts {
		part, err := d.part(wanted)
		if err != nil {
			return nil, err
		}
		// Those without a release in the part have nothing that can be judged.
		with := names
		if s == apart {
			with = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(wanted[name]) == 0 })
		}
		if findings := p.judgePart(context, value, part, with, rules, found); len(findings) > 0 {
			return nil, nil
		}
	}
	return found, nil
}

// judgePart holds environments, or parts of them, against some rules. It returns what is
// wrong with the rules.
func (p *Values) judgePart(
	context *cue.Context, value cue.Value, part part, names []string, rules []finding.Rule, found violations,
) finding.List {
	p.evaluated.atLeast(part.releases)
	var findings finding.List
	data := context.BuildFile(part.file)
	for _, name := range names {
		v := value.Unify(context.BuildFile(part.given(name), cue.Scope(data)))
		for _, rule := range rules {
			value := v.LookupPath(cue.MakePath(cue.Str("rules"), cue.Str(rule.ID)))
			violations, err := judge(value)
			if err != nil {
				findings = append(findings, invalid(value, rule.ID, name, err))
				continue
			}
			for i := range violations {
				violations[i].Rule = rule
			}
			found[name][rule.ID] = append(found[name][rule.ID], violations...)
		}
	}
	return findings
}

// example returns the violations of one rule by the environments of its own
// example, bad or good.
func (p *Values) example(id, which string) ([]ValueViolation, error) {
	path := cue.MakePath(cue.Str("rules"), cue.Str(id))
	var environments map[string]any
	if err := p.value.LookupPath(path).LookupPath(cue.MakePath(cue.Str(which))).Decode(&environments); err != nil {
		return nil, err
	}
	one := *p
	one.rules = slices.DeleteFunc(slices.Clone(p.rules), func(r finding.Rule) bool { return r.ID != id })
	var data Data
	for name, env := range environments {
		env, _ := env.(map[string]any)
		if err := data.Add(name, env); err != nil {
			return nil, err
		}
	}
	byName, err := one.Judge(&data, slices.Sorted(maps.Keys(environments)))
	var all []ValueViolation
	for _, violations := range byName {
		all = append(all, violations...)
	}
	return all, err
}

func judge(rule cue.Value) ([]ValueViolation, error) {
	v := rule.LookupPath(cue.MakePath(cue.Str("violations")))
	if err := v.Validate(cue.Concrete(true)); err != nil {
		return nil, err
	}
	var found []struct{ Path, Message, Help string }
	if err := v.Decode(&found); err != nil {
		return nil, err
	}
	var violations []ValueViolation
	for _, f := range found {
		violations = append(violations, ValueViolation{Path: environment.SplitPath(f.Path), Message: f.Message, Help: f.Help})
	}
	return violations, nil
}

// invalid reports a rule that is incomplete, or can't be evaluated for the named
// environment.
func invalid(rule cue.Value, id, env string, err error) finding.Finding {
	first := environment.CUEFindings(err)[0]
	if path := errors.Errors(err)[0].Path(); len(path) > 0 && first.Message == "field not allowed" {
		first.Message = fmt.Sprintf("no rule has a field %s", path[len(path)-1])
	}
	f := finding.Finding{
		Rule: "invalid-rule", Severity: finding.Error,
		Position: first.Position, Width: 1,
		Message: fmt.Sprintf("the rule %s is broken: %s", id, first.Message),
	}
	if env != "" {
		f.Message = fmt.Sprintf("the rule %s can't be held against %s: %s", id, env, first.Message)
		f.Help = "if the field is not always there, ask for it first, in an if of its own: if x.y != _|_"
	}
	if !strings.HasPrefix(f.File, Dir+"/") || path.Base(f.File) == "policy.cue" {
		// The place in the schema says less than the rule.
		for _, o := range environment.Origins(rule) {
			if !isSchema(o) {
				f.Position, f.Width = o.Label, o.Width
				break
			}
		}
	}
	return f
}

// unrepeated drops what was found of a rule with one environment and again with the
// next: it is the rule that has to be mended.
func unrepeated(findings finding.List) finding.List {
	seen := map[finding.Position]bool{}
	return slices.DeleteFunc(findings, func(f finding.Finding) bool {
		again := seen[f.Position]
		seen[f.Position] = true
		return again
	})
}
