package policy

import (
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// scope is how much a rule over values has to see at once. Evaluating a rule for a part
// of the releases takes a part of the time and memory; one that compares each release
// with each of another environment would take the square of them.
type scope int

const (
	// whole rules see everything at once.
	whole scope = iota
	// once rules look at no releases.
	once
	// apart rules look at each release by itself, or with those of the same name in
	// other environments.
	apart
)

const (
	judgedName = "environment"  // what a rule calls the environment that is judged
	allName    = "environments" // and all of them
)

// scopes returns the scope of each rule, as far as it can be told from the text of the
// package. What it can't tell is whole.
func scopes(files []*ast.File) map[string]scope {
	found := map[string]scope{}
	unknown := false
	for _, file := range files {
		for _, decl := range file.Decls {
			field, ok := decl.(*ast.Field)
			if !ok {
				unknown = unknown || mentions(decl)
				continue
			}
			rules, ok := field.Value.(*ast.StructLit)
			if name, _, err := ast.LabelName(field.Label); err != nil || name != "rules" || !ok {
				unknown = unknown || mentions(field.Value)
				continue
			}
			for _, decl := range rules.Elts {
				id, s, ok := scopeOf(decl)
				if !ok {
					unknown = unknown || mentions(decl)
					continue
				}
				if _, again := found[id]; again {
					s = whole // It is written in several places.
				}
				found[id] = s
			}
		}
	}
	if unknown {
		// Something that rules may refer to looks at environments.
		return nil
	}
	return found
}

// scopeOf returns the scope of a rule.
func scopeOf(decl ast.Decl) (id string, s scope, ok bool) {
	field, isField := decl.(*ast.Field)
	if !isField {
		return "", whole, false
	}
	rule, isStruct := field.Value.(*ast.StructLit)
	id, _, err := ast.LabelName(field.Label)
	if !isStruct || err != nil {
		return "", whole, false
	}
	var violations *ast.ListLit
	for _, decl := range rule.Elts {
		if field, ok := decl.(*ast.Field); ok && violations == nil {
			if name, _, err := ast.LabelName(field.Label); err == nil && name == "violations" {
				if violations, ok = field.Value.(*ast.ListLit); ok {
					continue
				}
			}
		}
		if mentions(decl) {
			return id, whole, true
		}
	}
	if violations == nil || len(violations.Elts) == 0 {
		return id, whole, true
	}
	for i, elem := range violations.Elts {
		one := once
		if c, ok := elem.(*ast.Comprehension); ok {
			one = scopeOfEach(c)
		} else if mentions(elem) {
			one = whole
		}
		if i > 0 && one != s {
			return id, whole, true
		}
		s = one
	}
	return id, s, true
}

// mentions reports whether environments are spoken of.
func mentions(node ast.Node) bool {
	found := false
	ast.Walk(node, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && (ident.Name == judgedName || ident.Name == allName) {
			found = true
		}
		return !found
	}, nil)
	return found
}

// loop is a comprehension that goes over releases.
type loop struct {
	name, release string   // of the environment that is judged
	others        []string // environments
	known         map[ast.Expr]bool
}

// scopeOfEach returns the scope of a comprehension.
func scopeOfEach(c *ast.Comprehension) scope {
	l := loop{known: map[ast.Expr]bool{}}
	bound := map[string]int{}
	for i, clause := range c.Clauses {
		f, ok := clause.(*ast.ForClause)
		if !ok {
			continue
		}
		key, value := nameOf(f.Key), nameOf(f.Value)
		ident, isIdent := f.Source.(*ast.Ident)
		env, isReleases := releasesOf(f.Source)
		judgedEnv, isJudged := env.(*ast.Ident)
		isJudged = isJudged && judgedEnv.Name == judgedName
		switch {
		case isIdent && ident.Name == allName:
			l.others = append(l.others, value)
		case isReleases && isJudged:
			if l.release != "" {
				return whole // Any two of them.
			}
			l.name, l.release = key, value
		case isReleases && l.isEnvironment(env):
			// Those of the same name, if that is the first thing asked for.
			if i+1 == len(c.Clauses) || l.release == "" || !l.sameName(c.Clauses[i+1], key, value) {
				return whole
			}
		default:
			continue
		}
		l.known[f.Source] = true
		for _, name := range []string{key, value} {
			if name != "" {
				bound[name]++
			}
		}
	}
	declared := declaredIn(c)
	for name, times := range bound {
		if declared[name] != times || times > 1 {
			return whole // It may mean something else where it is used.
		}
	}
	if !l.onlyKnown(c) {
		return whole
	}
	if l.release == "" {
		return once
	}
	return apart
}

func nameOf(ident *ast.Ident) string {
	if ident == nil || ident.Name == "_" {
		return ""
	}
	return ident.Name
}

// releasesOf returns the environment in an expression ENVIRONMENT.releases.
func releasesOf(expr ast.Expr) (env ast.Expr, ok bool) {
	selector, ok := expr.(*ast.SelectorExpr)
	if !ok {
		return nil, false
	}
	name, _, err := ast.LabelName(selector.Sel)
	return selector.X, err == nil && name == "releases"
}

// isEnvironment reports whether an expression is an environment.
func (l loop) isEnvironment(expr ast.Expr) bool {
	named := func(x ast.Expr) bool {
		ident, ok := x.(*ast.Ident)
		return ok && ident.Name == allName
	}
	switch x := expr.(type) {
	case *ast.Ident:
		return x.Name == judgedName || x.Name != "" && slices.Contains(l.others, x.Name)
	case *ast.SelectorExpr:
		return named(x.X)
	case *ast.IndexExpr:
		text, ok := x.Index.(*ast.BasicLit)
		return named(x.X) && ok && text.Kind == token.STRING
	}
	return false
}

// sameName reports whether a clause demands that the release judged and another one
// have the same name.
func (l loop) sameName(clause ast.Clause, name, release string) bool {
	condition, ok := clause.(*ast.IfClause)
	if !ok {
		return false
	}
	equal, ok := condition.Condition.(*ast.BinaryExpr)
	if !ok || equal.Op != token.EQL {
		return false
	}
	for _, sides := range [][2]ast.Expr{{equal.X, equal.Y}, {equal.Y, equal.X}} {
		mine, ok := nameForm(sides[0], l.name, l.release)
		if other, otherOK := nameForm(sides[1], name, release); ok && otherOK && mine == other {
			return true
		}
	}
	return false
}

// nameForm recognises name, which is that of the Application, and *release.name | name,
// which is that in the environment's CUE.
func nameForm(expr ast.Expr, name, release string) (form int, ok bool) {
	isName := func(x ast.Expr) bool {
		ident, ok := x.(*ast.Ident)
		return ok && name != "" && ident.Name == name
	}
	if paren, ok := expr.(*ast.ParenExpr); ok {
		return nameForm(paren.X, name, release)
	}
	if isName(expr) {
		return 1, true
	}
	or, ok := expr.(*ast.BinaryExpr)
	if !ok || or.Op != token.OR || !isName(or.Y) {
		return 0, false
	}
	mark, ok := or.X.(*ast.UnaryExpr)
	if !ok || mark.Op != token.MUL {
		return 0, false
	}
	selector, ok := mark.X.(*ast.SelectorExpr)
	if !ok {
		return 0, false
	}
	of, ok := selector.X.(*ast.Ident)
	field, _, err := ast.LabelName(selector.Sel)
	return 2, ok && err == nil && release != "" && of.Name == release && field == "name"
}

// declaredIn counts what is given a name in a comprehension.
func declaredIn(c *ast.Comprehension) map[string]int {
	declared := map[string]int{}
	ast.Walk(c, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForClause:
			declared[nameOf(n.Key)]++
			declared[nameOf(n.Value)]++
		case *ast.LetClause:
			declared[nameOf(n.Ident)]++
		case *ast.Alias:
			declared[nameOf(n.Ident)]++
		case *ast.Field:
			if name, _, err := ast.LabelName(n.Label); err == nil {
				declared[name]++
			}
		}
		return true
	}, nil)
	return declared
}

// onlyKnown reports whether a comprehension looks at releases in the ways only that the
// loop knows: besides, at fields of environments, and at the release of the same name.
func (l loop) onlyKnown(c *ast.Comprehension) bool {
	ok := true
	ast.Walk(c, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ForClause:
			// Its variables are no mention, and its source may be known.
			if l.known[x.Source] {
				return false
			}
		case *ast.SelectorExpr:
			if l.isEnvironment(x.X) {
				name, _, err := ast.LabelName(x.Sel)
				ok = ok && err == nil && name != "releases"
				return false
			}
		case *ast.IndexExpr:
			env, isReleases := releasesOf(x.X)
			name, isName := x.Index.(*ast.Ident)
			if isReleases && l.isEnvironment(env) && isName && l.name != "" && name.Name == l.name {
				return false
			}
		case *ast.Ident:
			if x.Name == judgedName || x.Name == allName || slices.Contains(l.others, x.Name) {
				ok = false
			}
		}
		return ok
	}, nil)
	return ok
}

// leave takes out of the files the violations of all rules but those to keep, and the
// examples of all of them.
func leave(files []*ast.File, keep func(id string) bool) {
	for _, file := range files {
		for _, decl := range file.Decls {
			eachField(decl, "rules", func(rule *ast.Field, id string) {
				eachField(rule, id, func(field *ast.Field, name string) {
					switch {
					case name == "bad", name == "good":
						field.Value = &ast.StructLit{}
					case name == "violations" && !keep(id):
						field.Value = &ast.ListLit{}
					}
				})
			})
		}
	}
}

// eachField calls f with the fields in a struct, if that is the value of a field of the
// given name.
func eachField(decl ast.Decl, of string, f func(field *ast.Field, name string)) {
	outer, ok := decl.(*ast.Field)
	if !ok {
		return
	}
	body, ok := outer.Value.(*ast.StructLit)
	if name, _, err := ast.LabelName(outer.Label); err != nil || name != of || !ok {
		return
	}
	for _, decl := range body.Elts {
		if field, ok := decl.(*ast.Field); ok {
			if name, _, err := ast.LabelName(field.Label); err == nil {
				f(field, name)
			}
		}
	}
}
