package edit

import (
	"bytes"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
)

// insert returns the change that adds the value to the deepest struct on the way, or
// to the end of the file.
func (s *search) insert(src []byte, file *ast.File, value ast.Expr) ([]change, error) {
	var labels strings.Builder
	for _, name := range s.path[s.depth:] {
		if ast.StringLabelNeedsQuoting(name) {
			name = literal.Label.Quote(name)
		}
		labels.WriteString(name + ": ")
	}
	at := place(src, file, s)
	written, err := text(value, at.indent)
	if err != nil {
		return nil, err
	}
	return []change{{at.offset, at.offset, at.before + labels.String() + written + at.after}}, nil
}

// where is a place for a new field.
type where struct {
	offset int
	// before and after are what it takes besides the field.
	before, after string
	// indent is that of the field's line.
	indent string
}

// place finds the place in the struct: behind the field that has most names in
// common with the path, or else behind all.
func place(src []byte, file *ast.File, s *search) where {
	if s.deepest == nil {
		return atEnd(src, file)
	}
	open, end := s.deepest.Lbrace.Offset()+1, s.deepest.Rbrace.Offset()
	var last ast.Decl
	most := 0
	for _, element := range s.deepest.Elts {
		if _, ok := element.(*ast.Ellipsis); ok {
			continue
		}
		if n := s.common(element, s.depth); n >= most {
			most, last = n, element
		}
	}
	inline := !bytes.ContainsRune(src[open:end], '\n')
	switch {
	case last == nil && inline && len(s.deepest.Elts) > 0: // {...}
		return where{offset: open, after: ", ", indent: indentation(src, open)}
	case last == nil && inline:
		return where{offset: open, indent: indentation(src, open)}
	case last == nil:
		return newLine(src, open, indentation(src, open)+"\t")
	}
	start, stop := last.Pos().Offset(), last.End().Offset()
	indent := indentation(src, start)
	if line := bytes.IndexByte(src[stop:], '\n'); line < 0 || end < stop+line || ownsMore(s.deepest, last, stop+line) {
		// Something else follows on the line.
		return where{offset: stop, before: ", ", indent: indent}
	}
	if bytes.IndexByte(src[open:start], '\n') < 0 {
		indent = indentation(src, open) + "\t" // It stands behind the brace.
	}
	return newLine(src, stop, indent)
}

// ownsMore reports whether another element of the struct starts after one, before
// an offset.
func ownsMore(lit *ast.StructLit, after ast.Decl, before int) bool {
	for _, element := range lit.Elts {
		if at := element.Pos().Offset(); at >= after.End().Offset() && at < before {
			return true
		}
	}
	return false
}

// common returns the number of names that a field has in common with the path.
func (s *search) common(decl ast.Decl, depth int) int {
	field, ok := decl.(*ast.Field)
	if !ok || depth >= len(s.path) || labelName(field) != s.path[depth] {
		return 0
	}
	if lit, ok := field.Value.(*ast.StructLit); ok && !lit.Lbrace.IsValid() && len(lit.Elts) == 1 {
		return 1 + s.common(lit.Elts[0], depth+1)
	}
	return 1
}

// newLine returns the place for a line of its own below the line of an offset.
func newLine(src []byte, offset int, indent string) where {
	line := bytes.IndexByte(src[offset:], '\n')
	if line < 0 {
		return where{offset: len(src), before: "\n" + indent, after: "\n", indent: indent}
	}
	return where{offset: offset + line + 1, before: indent, after: "\n", indent: indent}
}

// atEnd returns the place for a field of the file itself.
func atEnd(src []byte, file *ast.File) where {
	before := ""
	if len(src) > 0 && src[len(src)-1] != '\n' {
		before = "\n"
	}
	if n := len(file.Decls); n > 0 {
		if _, isField := file.Decls[n-1].(*ast.Field); !isField {
			before += "\n"
		}
	}
	return where{offset: len(src), before: before, after: "\n"}
}
