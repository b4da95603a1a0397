package edit

import (
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/finding"
)

// search looks through a file for the fields at a path, and for the structs on the
// way there.
type search struct {
	name string
	path []string

	// found are the fields at the whole path.
	found []*ast.Field
	// computed tells that something that is not set plainly stands on the way.
	computed bool
	// deepest is the struct with braces that is nearest to the value, and depth the
	// number of names on the way to it.
	deepest *ast.StructLit
	depth   int

	findings finding.List
}

func (s *search) file(file *ast.File) {
	s.decls(file.Decls, 0)
}

// decls looks through the declarations of a struct at a depth.
func (s *search) decls(decls []ast.Decl, depth int) {
	for _, decl := range decls {
		switch d := decl.(type) {
		case *ast.EmbedDecl:
			s.value(d.Expr, depth)
		case *ast.Comprehension:
			s.conditional(d, depth)
		case *ast.Field:
			if d.Constraint != token.ILLEGAL || labelName(d) != s.path[depth] {
				continue
			}
			if depth+1 == len(s.path) {
				s.found = append(s.found, d)
				continue
			}
			s.value(d.Value, depth+1)
		}
	}
}

// value looks through a value on the way.
func (s *search) value(expr ast.Expr, depth int) {
	switch x := expr.(type) {
	case *ast.StructLit:
		if x.Lbrace.IsValid() && (s.deepest == nil || depth > s.depth) {
			s.deepest, s.depth = x, depth
		}
		s.decls(x.Elts, depth)
	case *ast.BinaryExpr:
		if x.Op == token.AND {
			s.value(x.X, depth)
			s.value(x.Y, depth)
		}
	case *ast.ParenExpr:
		s.value(x.X, depth)
	case *ast.Comprehension:
		s.conditional(x, depth)
	default:
		if depth > 0 && isLiteral(expr) {
			s.refuse(expr, strings.Join(s.path[:depth], ".")+" is no struct, so that there is nothing below it", "look at the path")
		}
	}
}

// conditional refuses a value that is set under a condition, or in a loop.
func (s *search) conditional(c *ast.Comprehension, depth int) {
	within := &search{name: s.name, path: s.path}
	within.value(c.Value, depth)
	if len(within.found) == 0 && !within.computed {
		return
	}
	s.computed = true
	for _, field := range within.found {
		s.refuse(field.Label, "the value is set under a condition, or in a loop", "set it outside, or change it by hand")
	}
}

func (s *search) refuse(node ast.Node, message, help string) {
	p := node.Pos()
	s.findings = append(s.findings, finding.Finding{
		Rule: "not-literal", Severity: finding.Error,
		Position: finding.Position{File: s.name, Line: p.Line(), Column: p.Column()},
		Message:  message, Help: help,
		Value: strings.Join(s.path, "."),
		Width: max(1, node.End().Offset()-p.Offset()),
	})
}
