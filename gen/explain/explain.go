// Package explain answers why a value is what it is: it lists every place that
// set, bounded or defaulted the value, with the contract's words about it.
package explain

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Role says what a place has to do with a value.
type Role string

// The roles of a place.
const (
	Sets     Role = "set"
	Defaults Role = "default"
	Bounds   Role = "bound"
	Rule     Role = "rule"
)

// Place is one place that has a say in a value.
type Place struct {
	Role Role `json:"role"`
	finding.Position
	// Text is the CUE that stands there, on one line.
	Text string `json:"text"`
}

// Explanation is all there is to say about one value.
type Explanation struct {
	// Path is the value's path in the environment.
	Path string `json:"path"`
	// Value is the CUE of the value, all defaults resolved.
	Value string `json:"value"`
	// Doc is the contract's comment.
	Doc string `json:"doc,omitempty"`
	// Places are those that set the value, then those of the contract.
	Places []Place `json:"places"`
}

// UnknownError reports a path that an environment does not have.
type UnknownError struct {
	Environment, Path string
	// Known are the names at the last level that exists.
	Known []string
	// At is the path of that level, "" for the environment itself.
	At string
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("environment %s has no value %s", e.Environment, e.Path)
	name := strings.TrimPrefix(strings.TrimPrefix(e.Path, e.At), ".")
	name, _, _ = strings.Cut(name, ".")
	if near := finding.DidYouMean(name, e.Known); near != "" {
		return text + "; " + near
	}
	if len(e.Known) > 0 {
		where := e.At
		if where == "" {
			where = e.Environment
		}
		text += fmt.Sprintf("; %s has %s", where, strings.Join(e.Known, ", "))
	}
	return text
}

// Value explains the value at a path: RELEASE.KEY... below a release's values,
// RELEASE.chart and the like, or a path from the environment's root.
func Value(env *environment.Environment, path string) (*Explanation, error) {
	var firstErr error
	for _, candidate := range candidates(env, path) {
		v, err := find(env, candidate)
		if err == nil {
			e := explain(env, v)
			return &e, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, firstErr
}

// candidates returns the full paths that a path may be short for, most likely
// first.
func candidates(env *environment.Environment, path string) []string {
	first, rest, _ := strings.Cut(path, ".")
	for _, release := range env.Releases {
		at := release.Path()
		if release.Helm == first {
			at = at[:2]
		} else if release.Name != first {
			continue
		}
		var selectors []cue.Selector
		for _, name := range at {
			selectors = append(selectors, cue.Str(name))
		}
		whole := cue.MakePath(selectors...).String()
		if rest == "" {
			return []string{whole}
		}
		return []string{whole + ".values." + rest, whole + "." + rest}
	}
	return []string{path}
}

func find(env *environment.Environment, path string) (cue.Value, error) {
	parsed := cue.ParsePath(path)
	if err := parsed.Err(); err != nil {
		return cue.Value{}, fmt.Errorf("the path %q: %w", path, err)
	}
	selectors := parsed.Selectors()
	v := env.Value
	if len(selectors) > 1 && selectors[0].String() == "releases" && selectors[1].LabelType() == cue.StringLabel {
		v = env.Around(selectors[1].Unquoted())
	}
	at := cue.Path{}
	for _, sel := range selectors {
		next := v.LookupPath(cue.MakePath(sel))
		if !next.Exists() {
			unknown := &UnknownError{Environment: env.Name, Path: path, At: at.String()}
			if at.String() == "releases" {
				for _, release := range env.Releases {
					unknown.Known = append(unknown.Known, release.Name)
				}
			} else if fields, err := v.Fields(); err == nil {
				for fields.Next() {
					unknown.Known = append(unknown.Known, fields.Selector().Unquoted())
				}
			}
			return cue.Value{}, unknown
		}
		v = next
		at = cue.MakePath(append(at.Selectors(), sel)...)
	}
	return v, nil
}

// Tree explains every value of the environment that is no struct, in the
// contract's order.
func Tree(env *environment.Environment) []Explanation {
	var all []Explanation
	var walk func(v cue.Value)
	walk = func(v cue.Value) {
		if v.Kind() != cue.StructKind {
			all = append(all, explain(env, v))
			return
		}
		fields, err := v.Fields()
		if err != nil {
			return
		}
		for fields.Next() {
			walk(fields.Value())
		}
	}
	walk(env.Value)
	for _, release := range env.Releases {
		if release.Team != "" {
			walk(env.Whole(release))
		}
	}
	return all
}

func explain(env *environment.Environment, v cue.Value) Explanation {
	e := Explanation{Path: v.Path().String(), Value: text(v), Doc: environment.Doc(v)}
	set := false
	for _, o := range environment.Origins(v) {
		role := Bounds
		switch {
		case !o.Contract() || o.Concrete() && v.Kind() != cue.StructKind:
			role, set = Sets, true
		case !set && hasDefault(o.Expr):
			role = Defaults
		}
		e.Places = append(e.Places, Place{role, o.Label, shorten(o.Text)})
	}
	for _, rule := range environment.RulesFor(env, v.Path()) {
		e.Places = append(e.Places, Place{Rule, rule.Label, shorten(rule.Text)})
	}
	return e
}

// hasDefault reports whether an expression marks a default.
func hasDefault(expr ast.Expr) bool {
	found := false
	if expr == nil {
		return false
	}
	ast.Walk(expr, func(n ast.Node) bool {
		if mark, ok := n.(*ast.UnaryExpr); ok && mark.Op == token.MUL {
			found = true
		}
		_, isStruct := n.(*ast.StructLit)
		return !isStruct
	}, nil)
	return found
}

func text(v cue.Value) string {
	if v.Kind() == cue.StringKind {
		s, err := v.String()
		if err == nil {
			return literal.String.Quote(s)
		}
	}
	node := v.Syntax(cue.Final(), cue.Concrete(true))
	data, err := format.Node(node, format.Simplify())
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// shorten keeps the text of a place on one line.
func shorten(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if more {
		return line + " ..."
	}
	return line
}
