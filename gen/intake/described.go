package intake

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/encoding/json"
	"cuelang.org/go/encoding/jsonschema"

	"gitlab.com/towpath/towpath/gen/chart"
)

// described is the type of a chart's values as its values.schema.json has it.
type described struct {
	// fields is what stands in the struct, imports what the file has to import.
	fields  string
	imports []string
}

// describe turns the values.schema.json of a chart into CUE. ok is false if it has
// none, or one that CUE has no words for.
//
// The schema speaks of values with the chart's defaults filled in, and the contract
// of what environments say. So nothing that the schema requires is required here,
// and what depends on whether a key is there is left to Helm, which holds all values
// against the schema once more.
func describe(repo fs.FS, name string, defaults *table, files []*table) (d described, ok bool) {
	data, err := fs.ReadFile(repo, path.Join(chart.Dir, name, "values.schema.json"))
	if err != nil {
		return d, false
	}
	expr, err := json.Extract("values.schema.json", data)
	if err != nil {
		return d, false
	}
	file, err := jsonschema.Extract(cuecontext.New().BuildExpr(expr), &jsonschema.Config{DefaultVersion: jsonschema.VersionDraft7})
	if err != nil {
		return d, false
	}
	root := rootStruct(file)
	if root == nil {
		return d, false
	}
	loosen(root)
	for _, decl := range file.Decls {
		if field, ok := decl.(*ast.Field); ok { // A definition.
			loosen(field.Value)
			root.Elts = append(root.Elts, field)
		}
	}
	for _, t := range files {
		if !allowNull(root, t) {
			return d, false
		}
	}
	describeFields(root, defaults)
	if !hasOpen(root) && fieldOf(root, "global") == nil {
		root.Elts = append(root.Elts, &ast.Field{
			Label: ast.NewIdent("global"), Constraint: token.OPTION,
			Value: ast.NewStruct(&ast.Ellipsis{}),
		})
	}
	unquote(root)
	text, err := format.Node(&ast.File{Decls: root.Elts}, format.Simplify())
	if err != nil {
		return d, false
	}
	d.imports = importsOf(file, root)
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) != "" {
			line = "\t" + line
		}
		d.fields += line
	}
	return d, true
}

// rootStruct returns the struct that the schema is at its root.
func rootStruct(file *ast.File) *ast.StructLit {
	var found *ast.StructLit
	var loose []ast.Decl
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.EmbedDecl:
			expr := decl.Expr
			if call, ok := expr.(*ast.CallExpr); ok && len(call.Args) == 1 && isNamed(call.Fun, "close") {
				expr = call.Args[0]
			}
			lit, ok := expr.(*ast.StructLit)
			if !ok || found != nil {
				return nil
			}
			found = lit
		case *ast.Field:
			if _, isDefinition, _ := ast.LabelName(decl.Label); isDefinition && strings.HasPrefix(nameOf(decl), "#") {
				continue
			}
			loose = append(loose, decl)
		case *ast.Ellipsis:
			loose = append(loose, decl)
		}
	}
	if found != nil && len(loose) > 0 {
		return nil
	}
	if found == nil {
		found = ast.NewStruct()
		found.Elts = loose
		file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool { return slices.Contains(loose, d) })
	}
	return found
}

func isNamed(expr ast.Expr, name string) bool {
	ident, ok := expr.(*ast.Ident)
	return ok && ident.Name == name
}

// loosen takes out what only holds once the defaults are filled in. The items of
// lists are not filled in, and keep all.
func loosen(n ast.Node) {
	astutil.Apply(n, func(c astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.Attribute:
			c.Delete()
			return false
		case *ast.ListLit:
			return false
		case *ast.Field:
			if n.Constraint == token.NOT {
				n.Constraint = token.OPTION
			}
		case *ast.CallExpr:
			switch {
			case isNamed(n.Fun, "close"), !isMatcher(n) && !isStructBound(n):
				return true
			case isStructBound(n):
				c.Replace(ast.NewStruct(&ast.Ellipsis{}))
			case holdsStruct(n):
				c.Replace(ast.NewIdent("_"))
			}
			return false
		}
		return true
	}, func(c astutil.Cursor) bool {
		if and, ok := c.Node().(*ast.BinaryExpr); ok && and.Op == token.AND {
			switch {
			case isNamed(and.X, "_"):
				c.Replace(and.Y)
			case isNamed(and.Y, "_"):
				c.Replace(and.X)
			}
		}
		return true
	})
}

func isMatcher(call *ast.CallExpr) bool {
	return isNamed(call.Fun, "matchN") || isNamed(call.Fun, "matchIf")
}

// isStructBound reports a bound on the number of fields.
func isStructBound(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	return ok && isNamed(selector.X, "struct")
}

// holdsStruct reports whether an expression speaks of the fields of a struct, or of a
// definition that may.
func holdsStruct(n ast.Node) bool {
	found := false
	ast.Walk(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructLit:
			found = found || len(n.Elts) != 1 || !isEllipsis(n.Elts[0])
		case *ast.Ident:
			found = found || strings.HasPrefix(n.Name, "#")
		}
		return !found
	}, nil)
	return found
}

func isEllipsis(d ast.Decl) bool { _, ok := d.(*ast.Ellipsis); return ok }

func hasOpen(lit *ast.StructLit) bool { return slices.ContainsFunc(lit.Elts, isEllipsis) }

func nameOf(f *ast.Field) string {
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		return ""
	}
	return name
}

func fieldOf(lit *ast.StructLit, name string) *ast.Field {
	for _, decl := range lit.Elts {
		if f, ok := decl.(*ast.Field); ok && nameOf(f) == name {
			return f
		}
	}
	return nil
}

// allowNull allows null where a file deletes a default with it, which Helm does
// before it asks the schema. It reports false if the place can't be found.
func allowNull(lit *ast.StructLit, t *table) bool {
	for _, key := range t.keys {
		e := t.fields[key]
		if e.table == nil && e.value != nil || e.table != nil && !e.table.hasNull() {
			continue
		}
		f := fieldOf(lit, key)
		switch {
		case f == nil && hasOpen(lit):
		case f == nil:
			return false
		case e.table == nil:
			if text, err := format.Node(f.Value); err == nil && !strings.HasPrefix(string(text), "null |") {
				f.Value = &ast.BinaryExpr{Op: token.OR, X: ast.NewNull(), Y: &ast.ParenExpr{X: f.Value}}
			}
		default:
			below, ok := f.Value.(*ast.StructLit)
			if !ok || !allowNull(below, e.table) {
				return false
			}
		}
	}
	return true
}

func (t *table) hasNull() bool {
	return slices.ContainsFunc(t.keys, func(key string) bool {
		e := t.fields[key]
		return e.table == nil && e.value == nil || e.table != nil && e.table.hasNull()
	})
}

// describeFields gives fields without a description the comment of the chart's values.yaml.
func describeFields(lit *ast.StructLit, defaults *table) {
	for _, decl := range lit.Elts {
		f, ok := decl.(*ast.Field)
		if !ok {
			continue
		}
		e := defaults.fields[nameOf(f)]
		if e == nil {
			continue
		}
		if doc := docOf(e.comments); doc != "" && len(ast.Comments(f)) == 0 {
			group := &ast.CommentGroup{Doc: true}
			for line := range strings.Lines(commentText(doc, "")) {
				group.List = append(group.List, &ast.Comment{Text: strings.TrimRight(line, "\n")})
			}
			ast.AddComment(f, group)
		}
		if below, ok := f.Value.(*ast.StructLit); ok && e.table != nil {
			describeFields(below, e.table)
		}
	}
}

// unquote writes names without quotes where they need none.
func unquote(n ast.Node) {
	ast.Walk(n, func(n ast.Node) bool {
		f, ok := n.(*ast.Field)
		if !ok {
			return true
		}
		if lit, ok := f.Label.(*ast.BasicLit); ok {
			if name, err := literal.Unquote(lit.Value); err == nil && label(name) == name {
				plain := ast.NewIdent(name)
				ast.SetComments(plain, ast.Comments(lit))
				f.Label = plain
			}
		}
		return true
	}, nil)
}

// importsOf returns the imports of a file that the node still uses.
func importsOf(file *ast.File, n ast.Node) []string {
	var used []string
	for spec := range file.ImportSpecs() {
		importPath, err := literal.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(importPath)
		uses := false
		ast.Walk(n, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				uses = uses || isNamed(selector.X, name)
			}
			return !uses
		}, nil)
		if uses {
			used = append(used, importPath)
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}

func importText(imports []string) string {
	if len(imports) == 0 {
		return ""
	}
	var w strings.Builder
	w.WriteString("import (\n")
	for _, p := range imports {
		w.WriteString("\t" + strconv.Quote(p) + "\n")
	}
	w.WriteString(")\n\n")
	return w.String()
}
