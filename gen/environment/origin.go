package environment

import (
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Origin is one place that has a say in a value.
type Origin struct {
	// Label is the place of the key, Value that of what stands behind it.
	Label, Value finding.Position
	// Width is the length of the key, in bytes.
	Width int
	// Text is the CUE that stands behind the key, as written.
	Text string
	// Expr is the same, parsed.
	Expr ast.Expr
}

// Contract reports whether the place belongs to the contract and not to the
// files of an environment.
func (o Origin) Contract() bool {
	return strings.HasPrefix(o.Label.File, Dir+"/contract/")
}

// Concrete reports whether the place gives a value and no bounds.
func (o Origin) Concrete() bool {
	switch x := o.Expr.(type) {
	case *ast.BasicLit, *ast.StructLit, *ast.ListLit, *ast.Interpolation:
		return true
	case *ast.UnaryExpr:
		return x.Op == token.SUB || x.Op == token.ADD || x.Op == token.NOT
	case *ast.Ident:
		return x.Name == "true" || x.Name == "false" || x.Name == "null"
	}
	return false
}

// Origins returns every place that sets, bounds or defaults the value, those in
// the files of the environment first, in the order of evaluation. It can be called
// from many goroutines.
func Origins(v cue.Value) []Origin {
	evaluation.Lock()
	defer evaluation.Unlock()
	var mine, contract []Origin
	seen := map[finding.Position]bool{}
	eachSource(v, func(node ast.Node) {
		var o Origin
		field, ok := node.(*ast.Field)
		switch {
		case ok:
			o = originOf(field)
		case node != nil:
			// The elements of a list have no key, nor has what stands behind a
			// pattern such as [Name=string]: #Release.
			o = Origin{Label: position(node.Pos()), Value: position(node.Pos()), Width: node.End().Offset() - node.Pos().Offset()}
			if expr, ok := node.(ast.Expr); ok {
				o.Expr, o.Text = expr, source(expr)
			}
		default:
			return
		}
		if seen[o.Label] {
			return
		}
		seen[o.Label] = true
		if o.Contract() {
			contract = append(contract, o)
		} else {
			mine = append(mine, o)
		}
	})
	return append(mine, contract...)
}

// eachSource calls f with the source of each conjunct of a value.
func eachSource(v cue.Value, f func(node ast.Node)) {
	node := v.Source()
	if _, ok := node.(*ast.Field); !ok {
		if op, args := v.Expr(); op == cue.AndOp {
			for _, arg := range args {
				eachSource(arg, f)
			}
			return
		}
	}
	f(node)
}

// setBy reports whether [Origins] has places of the environment's files, and of the
// contract, in a part of the time.
func setBy(v cue.Value) (own, contract bool) {
	evaluation.Lock()
	defer evaluation.Unlock()
	eachSource(v, func(node ast.Node) {
		var at token.Pos
		switch node := node.(type) {
		case nil:
			return
		case *ast.Field:
			at = node.Label.Pos()
		default:
			at = node.Pos()
		}
		if (Origin{Label: position(at)}).Contract() {
			contract = true
		} else {
			own = true
		}
	})
	return own, contract
}

func originOf(field *ast.Field) Origin {
	o := keyOf(field)
	o.Expr, o.Text = field.Value, source(field.Value)
	return o
}

// keyOf is originOf without what stands behind the key.
func keyOf(field *ast.Field) Origin {
	label := field.Label.Pos()
	return Origin{
		Label: position(label),
		Value: position(field.Value.Pos()),
		Width: max(1, field.Label.End().Offset()-label.Offset()),
	}
}

// source returns the expression as CUE text, on one line if it is no struct.
func source(expr ast.Expr) string {
	text, err := format.Node(expr)
	if err != nil {
		return ""
	}
	return string(text)
}

func position(pos token.Pos) finding.Position {
	if !pos.IsValid() {
		return finding.Position{}
	}
	return finding.Position{File: repoPath(pos.Filename()), Line: pos.Line(), Column: pos.Column()}
}

// Doc returns the comments on the value's key, the contract's last, as one
// paragraph each.
func Doc(v cue.Value) string {
	var paragraphs []string
	for _, group := range v.Doc() {
		text := strings.TrimSpace(group.Text())
		if text != "" && !strings.Contains(strings.Join(paragraphs, "\n"), text) {
			paragraphs = append(paragraphs, text)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}
