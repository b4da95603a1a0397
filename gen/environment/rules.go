package environment

import (
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
)

// contractPackage is the import path of the contract, which the names of its
// hidden fields belong to.
const contractPackage = "gitlab.com/towpath/towpath/envs/contract"

// RulesFor returns the contract's rules over several fields that blame the value
// at the path, whether they are broken or not.
func RulesFor(env *Environment, path cue.Path) []Origin {
	var rules []Origin
	selectors := path.Selectors()
	v := env.Value
	if len(selectors) > 1 && selectors[1].LabelType() == cue.StringLabel {
		v = env.Around(selectors[1].Unquoted())
	}
	for n := range selectors {
		holder := cue.MakePath(append(selectors[:n:n], cue.Hid(rulesField, contractPackage))...)
		target := cue.MakePath(selectors[n:]...).String()
		for _, o := range Origins(v.LookupPath(holder)) {
			if o.Expr == nil {
				continue
			}
			ast.Walk(o.Expr, func(node ast.Node) bool {
				field, ok := node.(*ast.Field)
				if ok && blames(field.Label, target) {
					rules = append(rules, originOf(field))
				}
				return true
			}, nil)
		}
	}
	return rules
}

// blames reports whether a rule's label is the target, with any text in place
// of what the label interpolates.
func blames(label ast.Label, target string) bool {
	switch l := label.(type) {
	case *ast.BasicLit:
		text, err := literal.Unquote(l.Value)
		return err == nil && text == target
	case *ast.Ident:
		return l.Name == target
	case *ast.Interpolation:
		first, ok := l.Elts[0].(*ast.BasicLit)
		if !ok {
			return false
		}
		prefix := strings.TrimSuffix(strings.TrimPrefix(first.Value, `"`), `\(`)
		rest, ok := strings.CutPrefix(target, prefix)
		return ok && !strings.Contains(rest, ".")
	}
	return false
}

// Within reports whether a value that the contract writes satisfies bounds that
// it writes. What can't be told without its surroundings does not.
func Within(contract cue.Value, value, bounds ast.Expr) bool {
	both, err := inContract(contract, "("+source(value)+") & ("+source(bounds)+")")
	return err == nil && both.Validate() == nil
}

// inContract evaluates an expression with the names of the contract. It takes
// text, as a parsed expression is bound to the place it stands in.
func inContract(contract cue.Value, text string) (cue.Value, error) {
	expr, err := parser.ParseExpr("", text)
	if err != nil {
		return cue.Value{}, err
	}
	//nolint:staticcheck // A scope has to be of the same context as what is built.
	v := contract.Context().BuildExpr(expr, cue.Scope(contract))
	return v, v.Err()
}
