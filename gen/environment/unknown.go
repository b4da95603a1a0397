package environment

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/finding"
)

// findUnknown appends a finding for every key below v that only the files of
// the environment know, and the contract does not; and one for every key that
// the contract requires and the files do not know.
func (d *diagnosis) findUnknown(v cue.Value, path cue.Path) {
	var known []string
	var unknown, missing []*cue.Iterator
	fields, err := v.Fields(cue.Optional(true))
	if err != nil {
		d.findUnknownInList(v, path)
		return
	}
	for fields.Next() {
		sel := fields.Selector()
		child := join(path, sel)
		if d.foreign != nil && d.foreign(child) {
			continue
		}
		own, contract := setBy(fields.Value())
		switch {
		case sel.ConstraintType() == cue.RequiredConstraint:
			known = append(known, lastLabel(child))
			snapshot := *fields
			missing = append(missing, &snapshot)
		case contract:
			known = append(known, lastLabel(child))
			d.findUnknown(fields.Value(), child)
		case own:
			snapshot := *fields
			unknown = append(unknown, &snapshot)
		}
	}
	slices.Sort(known)
	if len(known) == 0 {
		// The contract says nothing here, as of the values of a release whose
		// chart is wrong: that is what has to be reported.
		unknown = nil
	}
	for _, field := range unknown {
		child := join(path, field.Selector())
		d.unknown = append(d.unknown, child)
		name := lastLabel(child)
		own, _ := split(Origins(field.Value()))
		for _, o := range own {
			d.addAt(o, finding.Finding{
				Rule:    "unknown-field",
				Message: fmt.Sprintf("unknown field %q", name),
				Allowed: strings.Join(known, ", "),
				Help:    finding.DidYouMean(name, known),
			})
		}
	}
	for _, field := range missing {
		child := join(path, field.Selector())
		if !d.misspelt(child) {
			d.addMissing(v, child, field.Value())
		}
		d.missing = append(d.missing, child)
	}
}

func (d *diagnosis) findUnknownInList(v cue.Value, path cue.Path) {
	elems, err := v.List()
	if err != nil {
		return
	}
	for i := 0; elems.Next(); i++ {
		d.findUnknown(elems.Value(), join(path, cue.Index(i)))
	}
}

// addMissing appends the finding for a key without a value; parent is the
// struct it is missing from.
func (d *diagnosis) addMissing(parent cue.Value, path cue.Path, target cue.Value) {
	_, contract := split(Origins(target))
	f := finding.Finding{
		Rule:    "missing-field",
		Message: fmt.Sprintf("%s has no value", path),
		Allowed: d.allowed(contract),
	}
	if doc := firstLine(Doc(target)); doc != "" {
		f.Help = fmt.Sprintf("set %s: %s", lastLabel(path), doc)
	}
	if len(contract) > 0 {
		f.Notes = d.contractNote("the contract", contract[0].Label)
	}
	d.add(parent, f)
}

// findNull appends a finding for every null that the environment sets.
func (d *diagnosis) findNull(v cue.Value, path cue.Path) {
	fields, err := v.Fields()
	if err != nil {
		return
	}
	for fields.Next() {
		child := join(path, fields.Selector())
		if kind := fields.Value().IncompleteKind(); kind != cue.BottomKind && kind != cue.NullKind {
			// A null that somebody sets is one still, or an error.
			d.findNull(fields.Value(), child)
			continue
		}
		own, _ := split(Origins(fields.Value()))
		i := slices.IndexFunc(own, func(o Origin) bool { return o.Text == "null" })
		if i < 0 || d.isKnown(child) {
			d.findNull(fields.Value(), child)
			continue
		}
		d.unknown = append(d.unknown, child)
		d.addAt(own[i], finding.Finding{
			Rule:    "null-value",
			Message: fmt.Sprintf("%s is null", lastLabel(child)),
			Help:    "leave the key out to get the default, or give it a value",
		})
	}
}

func join(path cue.Path, sel cue.Selector) cue.Path {
	// A required or optional field is looked up by its bare name.
	if sel.LabelType() == cue.StringLabel {
		sel = cue.Str(sel.Unquoted())
	}
	return cue.MakePath(append(slices.Clone(path.Selectors()), sel)...)
}

// allowed describes what the contract accepts, as people write it.
func (d *diagnosis) allowed(contract []Origin) string {
	var texts []string
	for _, o := range contract {
		if text := strings.Join(d.describe(o.Expr), ", "); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " & ")
}

// alternatives lists the texts that the contract accepts, if it lists them.
func (d *diagnosis) alternatives(contract []Origin) []string {
	var names []string
	for _, o := range contract {
		for _, text := range d.describe(o.Expr) {
			names = append(names, strings.Trim(text, `"`))
		}
	}
	return names
}

// describe returns the alternatives of an expression of the contract. A default
// that lies within the bounds beside it is left out.
func (d *diagnosis) describe(expr ast.Expr) []string {
	var literals, bounds []ast.Expr
	for _, alternative := range disjuncts(expr) {
		if mark, ok := alternative.(*ast.UnaryExpr); ok && mark.Op == token.MUL {
			alternative = mark.X
		}
		switch alternative.(type) {
		case *ast.BasicLit, *ast.ListLit:
			literals = append(literals, alternative)
		case *ast.Interpolation:
		default:
			bounds = append(bounds, alternative)
		}
	}
	var texts []string
	for _, literal := range literals {
		if !slices.ContainsFunc(bounds, func(bound ast.Expr) bool { return Within(d.contract, literal, bound) }) {
			texts = append(texts, source(literal))
		}
	}
	for _, bound := range bounds {
		switch x := bound.(type) {
		case *ast.StructLit:
			texts = append(texts, "a struct")
		case *ast.Ident:
			if x.Name != "_" { // That is anything, and says nothing.
				texts = append(texts, d.definition(x))
			}
		case *ast.CallExpr:
			texts = append(texts, d.evaluated(x)...)
		default:
			texts = append(texts, source(x))
		}
	}
	return texts
}

func disjuncts(expr ast.Expr) []ast.Expr {
	switch x := expr.(type) {
	case *ast.ParenExpr:
		return disjuncts(x.X)
	case *ast.BinaryExpr:
		if x.Op == token.OR {
			return append(disjuncts(x.X), disjuncts(x.Y)...)
		}
	}
	return []ast.Expr{expr}
}

// evaluated returns the alternatives that a call such as or([...]) stands for, or
// the call itself.
func (d *diagnosis) evaluated(call *ast.CallExpr) []string {
	v, err := inContract(d.contract, source(call))
	if err != nil {
		return []string{source(call)}
	}
	op, alternatives := v.Expr()
	if op != cue.OrOp {
		alternatives = []cue.Value{v}
	}
	var texts []string
	for _, alternative := range alternatives {
		if !alternative.IsConcrete() {
			return []string{source(call)}
		}
		texts = append(texts, fmt.Sprint(alternative))
	}
	return texts
}

// definition describes a definition of the contract by what it stands for.
func (d *diagnosis) definition(ident *ast.Ident) string {
	if !strings.HasPrefix(ident.Name, "#") {
		return ident.Name
	}
	v := d.contract.LookupPath(cue.ParsePath(ident.Name))
	field, ok := v.Source().(*ast.Field)
	if !ok {
		return ident.Name
	}
	if v.IncompleteKind() == cue.StructKind {
		return "a struct " + ident.Name
	}
	if doc := firstLine(Doc(v)); doc != "" {
		return fmt.Sprintf("%s (%s)", source(field.Value), strings.TrimSuffix(doc, "."))
	}
	return source(field.Value)
}

func typeName(expr ast.Expr) string {
	switch x := expr.(type) {
	case *ast.BasicLit:
		switch x.Kind {
		case token.STRING:
			return "a string"
		case token.INT:
			return "a whole number"
		case token.FLOAT:
			return "a number with a fraction"
		case token.NULL:
			return "null"
		case token.TRUE, token.FALSE:
			return "a boolean"
		}
	case *ast.StructLit:
		return "a struct"
	case *ast.ListLit:
		return "a list"
	case *ast.Interpolation:
		return "a string"
	}
	return "of another type"
}
