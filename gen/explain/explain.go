// Package explain answers why a value is what it is: it lists every place that
// set, bounded or defaulted the value, with the contract's words about it.
package explain

import (
	"fmt"
	"slices"
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
	// Path is the value's path in the environment, as [Value] takes it.
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
	// At is the path of the last level that exists, "" for the environment itself, and
	// Name the first name that does not.
	At, Name string
	// Known are the names at that level, and Items is the number of a list's.
	Known []string
	Items int
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("environment %s has no value %s", e.Environment, e.Path)
	where := e.At
	if where == "" {
		where = e.Environment
	}
	switch near := finding.DidYouMean(e.Name, e.Known); {
	case near != "":
		return text + "; " + near
	case len(e.Known) > 0:
		return text + fmt.Sprintf("; %s has %s", where, strings.Join(e.Known, ", "))
	case e.Items > 0:
		return text + fmt.Sprintf("; the last of %s is [%d]", where, e.Items-1)
	}
	return text
}

// Value explains the value at a path: RELEASE.KEY... below a release's values,
// RELEASE.chart and the like, or a path from the environment's root. Names are
// written as they are, in quotes if they have dots, and items of lists as [0].
func Value(env *environment.Environment, path string) (*Explanation, error) {
	var firstErr error
	for _, candidate := range candidates(env, environment.SplitPath(path)) {
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
func candidates(env *environment.Environment, path []string) [][]string {
	full := len(path) > 1 && path[0] == "releases"
	short := path
	if full {
		short = path[1:]
	}
	if len(short) == 0 {
		return [][]string{path}
	}
	for _, release := range env.Releases {
		at := release.Path()
		if release.Helm == short[0] {
			at = at[:2]
		} else if release.Name != short[0] {
			continue
		}
		whole := slices.Concat(at, short[1:])
		if full || len(short) == 1 {
			return [][]string{whole}
		}
		return [][]string{slices.Concat(at, []string{"values"}, short[1:]), whole}
	}
	return [][]string{path}
}

// Short returns the shortest path that [Value] takes for a full one: without
// releases and values, and in a region by the name of the Application.
func Short(env *environment.Environment, path string) string {
	names := environment.SplitPath(path)
	if len(names) < 3 || names[0] != "releases" {
		return path
	}
	name, rest := names[1], names[2:]
	for _, release := range env.Releases {
		if at := release.Path(); release.Region != "" && len(names) > len(at) && slices.Equal(at, names[:len(at)]) {
			name, rest = release.Name, names[len(at):]
		}
	}
	if rest[0] == "values" {
		rest = rest[1:]
	}
	return environment.JoinPath(append([]string{name}, rest...))
}

func find(env *environment.Environment, path []string) (cue.Value, error) {
	around := env.Value
	if len(path) > 1 && path[0] == "releases" {
		around = env.Around(path[1])
	}
	v, at := environment.Find(around, path)
	if len(at) == len(path) {
		return v, nil
	}
	unknown := &UnknownError{
		Environment: env.Name, Path: environment.JoinPath(path),
		At: environment.JoinPath(at), Name: path[len(at)],
	}
	switch {
	case v.IncompleteKind() == cue.ListKind:
		items, _ := v.Len().Int64()
		unknown.Items = int(items)
	case unknown.At == "releases":
		unknown.Known = releases(env)
	default:
		fields, err := v.Fields()
		if err != nil {
			break // Nothing is below it.
		}
		for fields.Next() {
			unknown.Known = append(unknown.Known, fields.Selector().Unquoted())
		}
		if unknown.At == "" {
			unknown.Known = append(unknown.Known, releases(env)...)
		}
	}
	return cue.Value{}, unknown
}

// releases returns the names that releases can be asked for by: those that they are
// written with, and in an environment with regions those of their Applications.
func releases(env *environment.Environment) []string {
	var names []string
	for _, release := range slices.Concat(env.Written(), env.Releases) {
		if !slices.Contains(names, release.Name) {
			names = append(names, release.Name)
		}
	}
	return names
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
	e := Explanation{Path: environment.JoinPath(environment.PathOf(v)), Value: text(v), Doc: environment.Doc(v)}
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
