// Package edit changes single values in CUE files that people write, and leaves the
// rest of the text alone: comments, order and formatting.
//
// CUE has no place for a value but the text itself, so that a program that releases
// an image has to write into a file that people read and review. [Set] finds the
// value by the syntax tree and replaces the bytes of its literal; what is not there
// it inserts as one line. So the diff of a release is the lines that were meant.
//
// It changes literals only. A value that is computed (a reference, an
// interpolation, something conditional) is decided elsewhere, and an edit that
// overwrote it would undo what somebody meant: that is a finding at its place.
package edit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Set returns the text of a CUE file with a value at a path of field names. name is
// the file's, relative to the repository's root, for findings. The value is a
// string, a bool, an int, or an [ast.Expr] of a literal: a scalar, a list or a
// struct.
//
// If the value is there, its literal is replaced wherever the file has it; if it is
// equal already, nothing changes. Otherwise it is inserted into the deepest struct on
// the way to it. In a file that is formatted as cue fmt does it, the columns of the
// lines around stay aligned; nothing but blanks changes in them.
//
// What can't be edited is a [finding.List].
func Set(name string, src []byte, path []string, value any) ([]byte, error) {
	if len(path) == 0 {
		return nil, errors.New("a value is set at a path, and this one is empty")
	}
	expr, err := expression(value)
	if err != nil {
		return nil, err
	}
	if bytes.ContainsRune(src, '\r') {
		return setCRLF(name, src, path, expr)
	}
	file, err := parser.ParseFile(name, src, parser.ParseComments)
	if err != nil {
		return nil, environment.CUEFindings(err).Sort()
	}
	s := &search{name: name, path: path}
	s.file(file)
	if len(s.findings) > 0 {
		return nil, s.findings.Sort()
	}
	var edits []change
	if len(s.found) > 0 {
		edits, err = s.replace(src, expr)
	} else {
		edits, err = s.insert(src, file, expr)
	}
	if err != nil || len(edits) == 0 {
		return src, err
	}
	edited := apply(src, edits)
	if _, err := parser.ParseFile(name, edited); err != nil {
		// Such as a field beside a let of its name.
		s.refuse(file, fmt.Sprintf("with %s the file would be no CUE: %v", strings.Join(path, "."), err), "change it by hand")
		return nil, s.findings
	}
	if clean, err := format.Source(src); err == nil && bytes.Equal(clean, src) {
		return format.Source(edited)
	}
	return edited, nil
}

// setCRLF edits a file whose lines end as they do on Windows.
func setCRLF(name string, src []byte, path []string, expr ast.Expr) ([]byte, error) {
	unix := bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	if back := bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")); !bytes.Equal(back, src) || bytes.ContainsRune(unix, '\r') {
		return nil, finding.List{{
			Rule: "not-literal", Severity: finding.Error, Position: finding.Position{File: name},
			Message: "the ends of the file's lines are of two kinds", Help: "run cue fmt",
		}}
	}
	edited, err := Set(name, unix, path, expr)
	return bytes.ReplaceAll(edited, []byte("\n"), []byte("\r\n")), err
}

// Has reports whether a file says something at a path or below it.
func Has(name string, src []byte, path []string) (bool, error) {
	file, err := parser.ParseFile(name, src)
	if err != nil {
		return false, environment.CUEFindings(err).Sort()
	}
	s := &search{name: name, path: path}
	s.file(file)
	return len(s.found) > 0 || s.computed, nil
}

// expression returns a value as CUE.
func expression(value any) (ast.Expr, error) {
	switch v := value.(type) {
	case ast.Expr:
		if !isLiteral(v) {
			return nil, errors.New("only a literal can be set")
		}
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("%q is no text in UTF-8", v)
		}
		return parser.ParseExpr("", literal.String.Quote(v))
	case bool:
		return ast.NewBool(v), nil
	case int:
		return parser.ParseExpr("", strconv.Itoa(v))
	default:
		return nil, fmt.Errorf("a value of type %T can't be set", value)
	}
}

// change replaces the bytes between two offsets.
type change struct {
	from, to int
	text     string
}

func apply(src []byte, changes []change) []byte {
	slices.SortFunc(changes, func(a, b change) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, c := range changes {
		out.Write(src[at:c.from])
		out.WriteString(c.text)
		at = c.to
	}
	out.Write(src[at:])
	return out.Bytes()
}

// replace returns the changes that give all fields that were found a value.
func (s *search) replace(src []byte, value ast.Expr) ([]change, error) {
	var changes []change
	for _, field := range s.found {
		if !isLiteral(field.Value) {
			s.refuse(field.Value, "the value is computed, and only a literal can be replaced", "write the value there, or change what it is computed from")
			continue
		}
		if _, isStruct := field.Value.(*ast.StructLit); isStruct {
			s.refuse(field.Label, "the value is a struct, and is not replaced as a whole", "name the values below it")
			continue
		}
		if hasComments(field.Value) {
			s.refuse(field.Value, "comments stand inside of the value, and would be lost", "change it by hand")
			continue
		}
		if equal(field.Value, value) {
			continue
		}
		from, to := field.Value.Pos().Offset(), field.Value.End().Offset()
		literal, err := text(value, indentation(src, from))
		if err != nil {
			return nil, err
		}
		changes = append(changes, change{from, to, literal})
	}
	return changes, s.findings.Sort().Err()
}

// text returns a literal as text, its lines after the first indented.
func text(value ast.Expr, indent string) (string, error) {
	if lit, ok := value.(*ast.BasicLit); ok {
		return lit.Value, nil
	}
	printed, err := format.Node(value)
	if err != nil {
		return "", fmt.Errorf("printing a value: %w", err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(printed)), "\n", "\n"+indent), nil
}

// indentation returns the blanks that a line starts with.
func indentation(src []byte, offset int) string {
	line := src[bytes.LastIndexByte(src[:offset], '\n')+1:]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}
