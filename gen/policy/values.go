package policy

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"

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
	p := &Values{context: cuecontext.New()}
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

// Judge holds each of the named environments against the rules, which see all of
// them. Environments are data: maps, slices, strings, numbers and booleans, by
// name. If a rule can't be evaluated, the error is a [finding.List].
func (p *Values) Judge(environments map[string]any, names []string) (map[string][]ValueViolation, error) {
	violations := map[string][]ValueViolation{}
	if len(p.rules) == 0 {
		return violations, nil
	}
	encoded := map[string]any{}
	for name, env := range environments {
		encoded[name] = p.context.Encode(env)
	}
	all := p.context.Encode(encoded)
	var findings finding.List
	for _, name := range names {
		// Both at once: filling in one after the other would evaluate all twice.
		v := p.value.Unify(p.context.Encode(map[string]any{"environment": encoded[name], "environments": all}))
		for _, rule := range p.rules {
			value := v.LookupPath(cue.MakePath(cue.Str("rules"), cue.Str(rule.ID)))
			found, err := judge(value)
			if err != nil {
				findings = append(findings, invalid(value, rule.ID, name, err))
				continue
			}
			for i := range found {
				found[i].Rule = rule
			}
			violations[name] = append(violations[name], found...)
		}
	}
	return violations, once(findings).Sort().Err()
}

// example returns the violations of one rule by the environments of its own
// example, bad or good.
func (p *Values) example(id, which string) ([]ValueViolation, error) {
	path := cue.MakePath(cue.Str("rules"), cue.Str(id))
	var environments map[string]any
	if err := p.value.LookupPath(path).LookupPath(cue.MakePath(cue.Str(which))).Decode(&environments); err != nil {
		return nil, err
	}
	only := &Values{context: p.context, value: p.value}
	only.rules = slices.DeleteFunc(slices.Clone(p.rules), func(r finding.Rule) bool { return r.ID != id })
	byName, err := only.Judge(environments, slices.Sorted(maps.Keys(environments)))
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

// once drops what was found of a rule with one environment and again with the
// next: it is the rule that has to be mended.
func once(findings finding.List) finding.List {
	seen := map[finding.Position]bool{}
	return slices.DeleteFunc(findings, func(f finding.Finding) bool {
		again := seen[f.Position]
		seen[f.Position] = true
		return again
	})
}
