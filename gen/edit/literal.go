package edit

import (
	"bytes"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// isLiteral reports whether an expression says by itself what it is.
func isLiteral(expr ast.Expr) bool {
	switch x := expr.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return x.Name == "true" || x.Name == "false" || x.Name == "null"
	case *ast.UnaryExpr:
		lit, ok := x.X.(*ast.BasicLit)
		return ok && (x.Op == token.SUB || x.Op == token.ADD) && (lit.Kind == token.INT || lit.Kind == token.FLOAT)
	case *ast.ListLit:
		for _, element := range x.Elts {
			if !isLiteral(element) {
				return false
			}
		}
		return true
	case *ast.StructLit:
		for _, element := range x.Elts {
			field, ok := element.(*ast.Field)
			if !ok || field.Constraint != token.ILLEGAL || field.Alias != nil || labelName(field) == "" || !isLiteral(field.Value) {
				return false
			}
		}
		return true
	}
	return false
}

// labelName returns the name of a regular field, or "" if it is none: a definition,
// a hidden field, a pattern, or one whose name is computed.
func labelName(field *ast.Field) string {
	label := field.Label
	if alias, ok := label.(*ast.Alias); ok {
		inner, ok := alias.Expr.(ast.Label)
		if !ok {
			return ""
		}
		label = inner
	}
	switch label.(type) {
	case *ast.Ident, *ast.BasicLit:
	default:
		return ""
	}
	name, isIdent, err := ast.LabelName(label)
	if err != nil || isIdent && (name[0] == '_' || name[0] == '#') {
		return ""
	}
	return name
}

// equal reports whether two literals are the same value. It may miss some.
func equal(a, b ast.Expr) bool {
	x, isBasic := a.(*ast.BasicLit)
	y, areBasic := b.(*ast.BasicLit)
	if isBasic && areBasic && x.Kind == token.STRING && y.Kind == token.STRING {
		s, err := literal.Unquote(x.Value)
		t, otherErr := literal.Unquote(y.Value)
		// 'a' is bytes, and "a" a string.
		return err == nil && otherErr == nil && s == t && isBytes(x) == isBytes(y)
	}
	s, err := format.Node(a, format.Simplify())
	t, otherErr := format.Node(b, format.Simplify())
	return err == nil && otherErr == nil && bytes.Equal(bytes.Join(bytes.Fields(s), nil), bytes.Join(bytes.Fields(t), nil))
}

func isBytes(lit *ast.BasicLit) bool {
	return bytes.TrimLeft([]byte(lit.Value), "#")[0] == '\''
}

// hasComments reports whether comments stand in a value, other than before or after
// all of it.
func hasComments(value ast.Expr) bool {
	found := false
	ast.Walk(value, func(n ast.Node) bool {
		for _, group := range ast.Comments(n) {
			if group.Pos().Offset() < value.End().Offset() && group.Pos().Offset() > value.Pos().Offset() {
				found = true
			}
		}
		return true
	}, nil)
	return found
}
