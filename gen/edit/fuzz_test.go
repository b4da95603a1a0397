package edit_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/finding"
)

// FuzzSet edits any text. What comes out parses, has the text around the value as it
// was, and, where nothing but plain fields stands in it, evaluates to the new value.
func FuzzSet(f *testing.F) {
	for _, src := range []string{
		release, "", "a: b: 1", "a: {b: 1, ...}\n", "a: {\n}\n", "a: {b: \"\"\"\n\tx\n\t\"\"\"\n}", "if x {a: b: 1}", "a: b: c: 1", "a: {b: 1,}\n",
		"a: {b: 1, // c\n}", "package x\n", "package x\nimport \"a\"\n", "// c", "a: b: 1 @x(y)\n", "{a: 1}\n", "a: {}\n", "a:\n\tb: 1\n", "[x=string]: 1\n",
		"a: {\r\n\tb: 1\r\n}\r\n", "let b = 1\na: {b}\n", "a: {b: [\n1,\n]}", "a: close({b: 1})\n", "a~(x,y): 1\n", "X=a: 1\n", "a: {b: '\\x00'}\n",
	} {
		f.Add(src, "a.b", "new \"value\"\n")
		f.Add(src, "a", "1")
	}
	f.Fuzz(func(t *testing.T, text, dotted, value string) {
		if len(text) > 4<<10 || len(value) > 100 || !utf8.ValidString(value) || !utf8.ValidString(dotted) {
			t.Skip("longer than anything that is written by hand, or no text")
		}
		path := strings.Split(dotted, ".")
		src := []byte(text)
		before, parseErr := parser.ParseFile("f.cue", src, parser.ParseComments)
		got, err := edit.Set("f.cue", src, path, value)
		if err != nil {
			if _, rest := finding.From(err); rest != nil && parseErr == nil {
				t.Fatalf("an error that is no finding: %v", err)
			}
			return
		}
		if parseErr != nil {
			t.Fatalf("a text that does not parse was edited: %v", parseErr)
		}
		if _, err := parser.ParseFile("f.cue", got); err != nil {
			t.Fatalf("what comes out does not parse: %v\n%s", err, got)
		}
		if clean, err := format.Source(src); err == nil && bytes.Equal(clean, src) {
			if clean, err := format.Source(got); err != nil || !bytes.Equal(clean, got) {
				t.Errorf("what comes out is not formatted: %v\n%s", err, got)
			}
		}
		comparesText(t, text, string(got))
		if again, err := edit.Set("f.cue", got, path, value); err != nil || !bytes.Equal(again, got) {
			t.Errorf("a second edit differs: %v\n%s", err, again)
		}
		if !isPlain(before) {
			return
		}
		ctx := cuecontext.New()
		if ctx.CompileBytes(src).Validate() != nil {
			return // It contradicts itself.
		}
		var selectors []cue.Selector
		for _, name := range path {
			selectors = append(selectors, cue.Str(name))
		}
		result := ctx.CompileBytes(got).LookupPath(cue.MakePath(selectors...))
		if is, err := result.String(); err != nil || is != value {
			t.Errorf("the value is %q, %v, not %q, in\n%s", is, err, value, got)
		}
	})
}

var blanks = regexp.MustCompile(`[ \t]+`)

// comparesText demands that what comes before and after the edit is the same, but
// for blanks.
func comparesText(t *testing.T, before, after string) {
	t.Helper()
	if before == after {
		return
	}
	a, b := blanks.ReplaceAllString(before, ""), blanks.ReplaceAllString(after, "")
	var same, end int
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	for end < len(a)-same && end < len(b)-same && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	// Values may stand in several places; then what is between them was not changed
	// either, which the table tests show.
	if removed := a[same : len(a)-end]; strings.Contains(removed, "//") && !strings.ContainsAny(removed, "\"'") {
		t.Errorf("a comment is gone: %q\nbefore:\n%s\nafter:\n%s", removed, before, after)
	}
}

// isPlain reports whether a file has nothing but fields with literals.
func isPlain(file *ast.File) bool {
	plain := true
	ast.Walk(file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.File, *ast.StructLit, *ast.ListLit, *ast.BasicLit, *ast.Package, *ast.CommentGroup, *ast.Comment, *ast.Attribute:
		case *ast.Field:
			_, isIdent := x.Label.(*ast.Ident)
			_, isString := x.Label.(*ast.BasicLit)
			if x.Constraint != token.ILLEGAL || x.Alias != nil || !isIdent && !isString {
				plain = false
			}
		case *ast.Ident:
		default:
			plain = false
		}
		return plain
	}, nil)
	return plain
}
