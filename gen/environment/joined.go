package environment

import (
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// joinsContract reports whether every file of the package holds nothing outside of
// contract.#Environment & {...}: it is then closed by itself.
func joinsContract(inst *build.Instance) bool {
	for _, file := range inst.Files {
		joined := false
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.Package, *ast.ImportDecl, *ast.CommentGroup:
			case *ast.EmbedDecl:
				and, ok := decl.Expr.(*ast.BinaryExpr)
				if !ok || and.Op != token.AND || joined {
					return false
				}
				selector, ok := and.X.(*ast.SelectorExpr)
				if !ok || !isContract(selector) {
					return false
				}
				joined = true
			default:
				return false
			}
		}
		if !joined {
			return false
		}
	}
	return true
}

// joinOnce returns a package that joins the contract in each of its files as one
// that joins it in the first alone, for all of them: #E & {a} and #E & {b} as
// #E & {a} & {b}, which is the same.
//
// CUE is not of that opinion. With an embedded #E in several files it does not see
// an unknown key of a release's values, unless it stands in the first.
func joinOnce(inst *build.Instance) *build.Instance {
	var first *ast.EmbedDecl
	once := *inst
	once.Files = nil
	for _, file := range inst.Files {
		copied := *file
		copied.Decls = nil
		for _, decl := range file.Decls {
			embed, ok := decl.(*ast.EmbedDecl)
			switch {
			case !ok:
			case first == nil:
				joined := *embed
				first, decl = &joined, &joined
			default:
				first.Expr = &ast.BinaryExpr{Op: token.AND, X: first.Expr, Y: embed.Expr.(*ast.BinaryExpr).Y}
				continue
			}
			copied.Decls = append(copied.Decls, decl)
		}
		once.Files = append(once.Files, &copied)
	}
	return &once
}

// isContract reports whether the expression is #Environment of the package that
// is imported as the contract.
func isContract(selector *ast.SelectorExpr) bool {
	ident, ok := selector.X.(*ast.Ident)
	if !ok {
		return false
	}
	spec, ok := ident.Node.(*ast.ImportSpec)
	if !ok {
		return false
	}
	path, err := literal.Unquote(spec.Path.Value)
	name, _, nameErr := ast.LabelName(selector.Sel)
	return err == nil && nameErr == nil && path == contractPackage && name == "#Environment"
}
