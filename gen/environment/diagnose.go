package environment

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"

	"gitlab.com/towpath/towpath/gen/finding"
)

// rulesField is the hidden field in which the contract states rules over
// several fields; see the comment of the contract's package.
const rulesField = "_rules"

// diagnosis collects what is wrong with one environment.
//
// CUE reports every alternative that failed and points into the contract as
// often as into the environment. A diagnosis folds all that was said about one
// key into one finding, at the place in the environment's own files.
type diagnosis struct {
	env      string
	contract cue.Value
	files    map[string]*ast.File
	findings finding.List
	// foreign, if not nil, tells paths that are judged elsewhere.
	foreign func(cue.Path) bool

	// unknown are the paths that the contract does not define, missing those
	// that it requires in vain.
	unknown, missing []cue.Path
}

// diagnose appends what is wrong with v.
func (d *diagnosis) diagnose(v cue.Value) {
	err := v.Validate(cue.Concrete(true), cue.All())
	if err == nil {
		return
	}
	// Once something else is wrong with a struct, CUE no longer reports its
	// unknown fields; so they are looked for first, and apart.
	d.findUnknown(v, cue.Path{})
	d.findNull(v, cue.Path{})

	var rules, consequences []cause
	var own []cause
	for _, c := range causes(err) {
		if d.foreign == nil || !d.foreign(c.path) {
			own = append(own, c)
		}
	}
	if len(own) == 0 {
		return
	}
	for _, c := range own {
		switch {
		case d.isKnown(c.path), d.follows(c):
		case c.hidden && c.isRule(v):
			rules = append(rules, c)
		case c.hidden, c.all("field not allowed"):
			// A hidden field can't be computed, or the contract has nothing to
			// say about a key it knows: some other value is wrong.
			consequences = append(consequences, c)
		default:
			d.addValue(v, c)
		}
	}
	for _, c := range rules {
		d.addRule(v, c)
	}
	if len(d.findings) == 0 {
		for _, c := range consequences {
			d.addRule(v, c)
		}
	}
	if len(d.findings) == 0 {
		d.findings = CUEFindings(err)
	}
}

// cause is all that CUE says about one path.
type cause struct {
	path cue.Path
	errs []errors.Error
	// raw is the path as CUE has it.
	raw cue.Path
	// hidden tells that the error arose in a hidden field of the contract; if
	// that is a rule, the path is the one of the rule's target.
	hidden bool
	// holder is the length of the path to the struct with the hidden field.
	holder int
}

// causes groups the errors by path, in the order of their first mention.
func causes(err error) []cause {
	var all []cause
	for _, e := range errors.Errors(err) {
		path, holder := targetPath(e.Path())
		hidden := holder >= 0
		i := slices.IndexFunc(all, func(c cause) bool {
			return c.hidden == hidden && c.path.String() == path.String()
		})
		if i < 0 {
			i = len(all)
			all = append(all, cause{path: path, raw: rawPath(e.Path()), hidden: hidden, holder: holder})
		}
		all[i].errs = append(all[i].errs, e)
	}
	return all
}

// targetPath turns an error's path into that of the field to blame: a rule's is
// written behind _rules, relative to the struct that holds the rules. holder is
// the length of the path to a struct with a hidden field in the path, or -1.
func targetPath(labels []string) (path cue.Path, holder int) {
	var selectors []cue.Selector
	holder = -1
	inRules := false
	for _, selector := range rawPath(labels).Selectors() {
		switch {
		case selector.LabelType() == cue.HiddenLabel:
			holder, inRules = len(selectors), selector.String() == rulesField
		case inRules && selector.LabelType() == cue.StringLabel:
			selectors = append(selectors, cue.ParsePath(selector.Unquoted()).Selectors()...)
		default:
			selectors = append(selectors, selector)
		}
	}
	return cue.MakePath(selectors...), holder
}

// rawPath turns an error's path into one that values can be looked up by.
func rawPath(labels []string) cue.Path {
	var selectors []cue.Selector
	for _, label := range labels {
		switch n, err := strconv.Atoi(label); {
		case strings.HasPrefix(label, "_"):
			selectors = append(selectors, cue.Hid(label, contractPackage))
		case err == nil:
			selectors = append(selectors, cue.Index(n))
		default:
			if text, err := literal.Unquote(label); err == nil {
				label = text
			}
			selectors = append(selectors, cue.Str(label))
		}
	}
	return cue.MakePath(selectors...)
}

// isRule reports whether the cause is a rule of the contract: a call of error
// under the path of the field to blame.
func (c cause) isRule(v cue.Value) bool {
	return slices.ContainsFunc(Origins(v.LookupPath(c.raw)), func(o Origin) bool {
		call, ok := o.Expr.(*ast.CallExpr)
		if !ok {
			return false
		}
		name, ok := call.Fun.(*ast.Ident)
		return ok && name.Name == "error"
	})
}

// all reports whether every error that is not a mere heading says text.
func (c cause) all(text string) bool {
	said := false
	for _, e := range c.errs {
		format, _ := e.Msg()
		if strings.Contains(format, "empty disjunction") {
			continue
		}
		if !strings.Contains(format, text) {
			return false
		}
		said = true
	}
	return said
}

func (d *diagnosis) isKnown(path cue.Path) bool {
	return slices.ContainsFunc(d.unknown, func(unknown cue.Path) bool { return hasPrefix(path, unknown) })
}

// follows reports whether the cause only follows from a key that is missing:
// either it says so again, or it finds that what depends on the key is not
// allowed without it.
func (d *diagnosis) follows(c cause) bool {
	if c.all("required but not present") {
		return true
	}
	return c.all("field not allowed") && slices.ContainsFunc(d.missing, func(missing cue.Path) bool {
		return parentOf(missing).String() == parentOf(c.path).String()
	})
}

func parentOf(path cue.Path) cue.Path {
	selectors := path.Selectors()
	return cue.MakePath(selectors[:max(0, len(selectors)-1)]...)
}

func hasPrefix(path, prefix cue.Path) bool {
	p, q := path.Selectors(), prefix.Selectors()
	return len(p) >= len(q) && slices.EqualFunc(p[:len(q)], q, func(a, b cue.Selector) bool { return a.String() == b.String() })
}

// addRule appends the finding for a rule of the contract that is broken.
func (d *diagnosis) addRule(v cue.Value, c cause) {
	o, exact := d.blame(v, c)
	f := finding.Finding{
		Rule:    "broken-rule",
		Message: message(c.errs[0]),
		Notes:   d.contractNote("the rule", position(c.errs[0].Position())),
	}
	if !exact {
		f.Help = "set " + c.path.String()
	}
	d.addAt(o, f)
}

// addValue appends the finding for a value that is missing or wrong.
func (d *diagnosis) addValue(v cue.Value, c cause) {
	target := v.LookupPath(c.path)
	name := lastLabel(c.path)
	own, contract := split(Origins(target))
	f := finding.Finding{Allowed: d.allowed(contract)}
	if len(contract) > 0 {
		f.Notes = d.contractNote("the contract", contract[0].Label)
	}
	o, exact := d.blame(v, c)
	switch {
	case c.all("incomplete value"):
		d.addMissing(v.LookupPath(parentOf(c.path)), c.path, target)
		return
	case !exact:
		f.Rule = "wrong-value"
		f.Message = fmt.Sprintf("%s: %s", name, message(c.errs[len(c.errs)-1]))
	case len(own) > 1 && own[0].Concrete() && own[1].Concrete() && own[0].Text != own[1].Text:
		f.Rule = "conflict"
		f.Allowed = ""
		f.Message = fmt.Sprintf("%s is set to %s here and to %s elsewhere", name, own[1].Text, own[0].Text)
		f.Help = "keep one of the two"
		if strings.Contains(c.path.String(), ".regions.") {
			f.Help += ": a value is the same in all regions, or set in each"
		}
		f.Notes = []finding.Note{{Position: own[0].Label, Message: "the other place"}}
		o = own[1]
	case c.all("mismatched types"):
		f.Rule = "wrong-type"
		f.Message = fmt.Sprintf("%s is %s, which is %s", name, shorten(o.Text), typeName(o.Expr))
	default:
		f.Rule = "wrong-value"
		f.Message = fmt.Sprintf("%s can't be %s", name, shorten(o.Text))
		if near := finding.Nearest(strings.Trim(o.Text, `"`), d.alternatives(contract)); near != "" {
			f.Help = fmt.Sprintf("did you mean %q?", near)
		}
	}
	d.addAt(o, f)
}

// blame returns the place in the environment's files to change. It is not
// exact if the path itself is not set there and only something around it is.
func (d *diagnosis) blame(v cue.Value, c cause) (o Origin, exact bool) {
	selectors := c.path.Selectors()
	if own, _ := split(Origins(v.LookupPath(c.path))); len(own) > 0 {
		return own[0], true
	}
	for n := len(selectors) - 1; n > 0; n-- {
		if c.hidden && n == c.holder+1 && c.holder > 0 {
			continue // A release says more than the values of a release.
		}
		if own, _ := split(Origins(v.LookupPath(cue.MakePath(selectors[:n]...)))); len(own) > 0 {
			return own[0], false
		}
	}
	return d.root(), false
}

// root returns the place to blame for what is missing at the top: the line in
// the first file that joins the contract.
func (d *diagnosis) root() Origin {
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		for _, decl := range d.files[name].Decls {
			switch decl.(type) {
			case *ast.Package, *ast.ImportDecl, *ast.CommentGroup:
				continue
			}
			p := position(decl.Pos())
			return Origin{Label: p, Value: p, Width: 1}
		}
	}
	return Origin{Label: finding.Position{File: Dir + "/" + d.env + "/env.cue", Line: 1, Column: 1}, Width: 1}
}

func (d *diagnosis) add(v cue.Value, f finding.Finding) {
	own, _ := split(Origins(v))
	if len(own) == 0 {
		own = []Origin{d.root()}
	}
	d.addAt(own[0], f)
}

func (d *diagnosis) addAt(o Origin, f finding.Finding) {
	f.Severity = finding.Error
	f.Position = o.Label
	f.Width = o.Width
	d.findings = append(d.findings, f)
}

// contractNote points to the place in the contract that decided.
func (d *diagnosis) contractNote(what string, p finding.Position) []finding.Note {
	if !p.IsValid() {
		return nil
	}
	return []finding.Note{{Position: p, Message: what}}
}

// misspelt reports whether an unknown field beside the path is a misspelling of
// its last label, so that the path's absence needs no finding of its own.
func (d *diagnosis) misspelt(path cue.Path) bool {
	parent := path.Selectors()
	name := lastLabel(path)
	return slices.ContainsFunc(d.unknown, func(unknown cue.Path) bool {
		u := unknown.Selectors()
		return len(u) == len(parent) && hasPrefix(path, cue.MakePath(u[:len(u)-1]...)) &&
			finding.Nearest(lastLabel(unknown), []string{name}) == name
	})
}

func split(origins []Origin) (own, contract []Origin) {
	for _, o := range origins {
		if o.Contract() {
			contract = append(contract, o)
		} else {
			own = append(own, o)
		}
	}
	return own, contract
}

func lastLabel(path cue.Path) string {
	selectors := path.Selectors()
	if len(selectors) == 0 {
		return ""
	}
	last := selectors[len(selectors)-1]
	if last.Type() == cue.IndexLabel {
		return path.String()
	}
	if last.LabelType() == cue.StringLabel {
		return last.Unquoted()
	}
	return last.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n\n")
	return strings.Join(strings.Fields(line), " ")
}

// shorten keeps a found value on one line.
func shorten(text string) string {
	line, _, more := strings.Cut(text, "\n")
	if len(line) > 60 {
		line, more = line[:60], true
	}
	if more {
		line += " ..."
	}
	return line
}

// message returns what an error says, without the path and the place that it
// is said of.
func message(e errors.Error) string {
	format, args := e.Msg()
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	if inner := errors.Unwrap(e); inner != nil {
		said := inner.Error()
		var cueErr errors.Error
		if errors.As(inner, &cueErr) {
			said = message(cueErr)
		}
		text = strings.TrimSpace(text + ": " + said)
	}
	return text
}

// CUEFindings reports errors of CUE itself: files that can't be parsed,
// references and imports that lead nowhere, a contract that contradicts itself.
func CUEFindings(err error) finding.List {
	var findings finding.List
	for _, e := range errors.Errors(err) {
		p := position(e.Position())
		for _, pos := range e.InputPositions() {
			if p.IsValid() {
				break
			}
			p = position(pos)
		}
		findings = append(findings, finding.Finding{
			Rule:     "cue-syntax",
			Severity: finding.Error,
			Position: p,
			Message:  message(e),
			Width:    1,
		})
	}
	return findings
}

// unresolved reports references to names that are defined nowhere. They make
// everything around them an error too, so nothing else is worth reporting.
func unresolved(err error) finding.List {
	var all errors.Error
	for _, e := range errors.Errors(err) {
		if format, _ := e.Msg(); strings.HasPrefix(format, "reference ") {
			all = errors.Append(all, e)
		}
	}
	return CUEFindings(all)
}
