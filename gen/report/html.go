package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
)

//go:embed page
var pageFiles embed.FS

// scripts are in the order in which they need each other.
var scripts = []string{"data.js", "compare.js", "picture.js", "object.js", "list.js", "keys.js"}

func asset(names ...string) string {
	var all strings.Builder
	for _, name := range names {
		data, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			panic("report: " + err.Error()) // It is embedded.
		}
		all.Write(data)
	}
	return all.String()
}

var pageTemplate = template.Must(template.New("page").Parse(asset("page.html")))

// HTML writes the report as one page that asks nobody for anything: style, scripts
// and data are in it, and its content security policy allows exactly those.
//
// What sums it up is HTML; the rest is data, of which the page makes what a person
// opens when it is opened, so that a thousand objects are no burden.
func HTML(w io.Writer, r *diff.Report) error {
	data, err := json.Marshal(pageData(r))
	if err != nil {
		return err
	}
	style, theme, script := "\n"+asset("style.css"), "\n"+asset("theme.js"), "\n"+asset(scripts...)
	var b bytes.Buffer
	err = pageTemplate.Execute(&b, struct {
		overview
		Policy        string
		Style         template.CSS
		Theme, Script template.JS
		Data          template.JS
	}{
		overview: newOverview(r),
		Policy:   "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src " + hash(style) + "; script-src " + hash(theme) + " " + hash(script),
		Style:    template.CSS(style),
		Theme:    template.JS(theme), Script: template.JS(script),
		// Marshal writes < and > and & as \u003c and so on: nothing in it can end
		// the script, whose type makes it data.
		Data: template.JS(inert(data)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// overview is what the page says before anything is opened.
type overview struct {
	From, To             string
	FromCommit, ToCommit string
	Changed, Objects     string
	Counts               []count
	Highest              string
	Still                string
	LeftOut              string
	Columns              []string
	Rows                 []matrixRow
	Risks                []riskRow
	MoreRisks            int
	Tools                []string
	// Judged sums up what the policy finds, "" if it was not asked.
	Judged   string
	Findings []findingRow
}

type count struct{ Change, Sign, Text string }

type matrixRow struct {
	Name, Tier string
	Changed    bool
	Cells      []matrixCell
}

type matrixCell struct {
	There      bool
	State      string // unchanged, changed, or a level of risk
	Link, Said string
	Counts     []count
	Values     int
}

type riskRow struct {
	Level, Message, ID, Path string
	Environment, Release     string
	Kind, Name, Link         string
}

type findingRow struct {
	// State is new, resolved, waived, or "" for one that stays.
	State                string
	Severity             string
	Rule, Message, Place string
	About, Help, Allowed string
	Waiver               string
}

func newOverview(r *diff.Report) overview {
	all := newTally().report(r)
	o := overview{
		From: visible(r.From.Name), To: visible(r.To.Name), FromCommit: visible(r.From.Commit), ToCommit: visible(r.To.Commit),
		Changed: plural(all.changed(), "object") + " " + verb(all.changed()), Objects: grouped(all.objects()),
		Counts: signs(all, false), Highest: string(all.highest()), LeftOut: leftOut(r),
	}
	for _, e := range r.Environments {
		for _, rel := range e.Releases {
			if name := visible(rel.Name); !slices.Contains(o.Columns, name) {
				o.Columns = append(o.Columns, name)
			}
		}
	}
	slices.Sort(o.Columns)
	var risks []threat
	for _, e := range r.Environments {
		row := matrixRow{Name: visible(e.Name), Tier: visible(e.Tier), Cells: make([]matrixCell, len(o.Columns)), Changed: slices.ContainsFunc(e.Releases, moves)}
		for _, rel := range e.Releases {
			row.Cells[slices.Index(o.Columns, visible(rel.Name))] = newCell(e, rel)
			risks = append(risks, threats(e, rel)...)
		}
		o.Rows = append(o.Rows, row)
	}
	// The list is for reading; the objects further down say all of theirs.
	const most = 100
	for i, t := range sortThreats(risks) {
		if i == most {
			o.MoreRisks = len(risks) - most
			break
		}
		o.Risks = append(o.Risks, riskRow{
			Level: string(t.Level), Message: visible(t.Message), ID: visible(t.ID), Path: visible(t.Path),
			Environment: visible(t.environment), Release: visible(t.release), Kind: visible(t.object.Kind), Name: visible(t.object.Name),
			Link: anchor(t.environment, t.release, t.object.ID),
		})
	}
	for _, c := range r.Tools {
		o.Tools = append(o.Tools, visible(c.String()))
	}
	if p := r.Policy; p != nil {
		o.Judged = judged(p)
		o.Findings = slices.Concat(findingRows("new", p.Introduced), findingRows("resolved", p.Resolved),
			findingRows("", p.Remaining), findingRows("waived", p.Waived))
	}
	return o
}

// anchor names a place of the page, and stays the same when other places come and go.
func anchor(parts ...string) string { return visible(strings.Join(parts, "/")) }

func signs(t *tally, unchanged bool) []count {
	var all []count
	for _, c := range changes {
		if n := t.changes[c]; n > 0 && (unchanged || c != diff.Unchanged) {
			all = append(all, count{string(c), sign(c), grouped(n)})
		}
	}
	return all
}

func newCell(e diff.Environment, r diff.Release) matrixCell {
	t := newTally().release(r)
	c := matrixCell{There: true, State: "unchanged", Link: anchor(e.Name, r.Name), Counts: signs(t, false), Said: t.String()}
	if moves(r) {
		c.State = "changed"
		if t.changed() == 0 {
			c.Values = t.values
			c.Said = plural(t.values, "value") + " changed without effect"
		}
	}
	if highest := t.highest(); highest != "" {
		c.State = string(highest)
		c.Said += ", risks: " + t.risky()
	}
	return c
}

func findingRows(state string, list finding.List) []findingRow {
	var rows []findingRow
	for _, f := range list {
		row := findingRow{State: state, Severity: string(f.Severity), Rule: visible(f.Rule), Message: visible(f.Message), About: visible(about(f))}
		if state != "resolved" { // That place is in files that are no more.
			row.Help, row.Allowed = visible(f.Help), visible(f.Allowed)
			if f.IsValid() {
				row.Place = visible(f.Position.String())
			}
		}
		if f.Waiver != nil {
			row.Waiver = visible(f.Waiver.Reason + " (" + f.Waiver.Owner + ", until " + f.Waiver.Until + ")")
			row.Help, row.Allowed = "", ""
		}
		rows = append(rows, row)
	}
	return rows
}

// The data of the page. Every string in it is [visible].
type (
	pageReport struct {
		Environments []pageEnvironment `json:"environments"`
	}
	pageEnvironment struct {
		Name     string        `json:"name"`
		Tier     string        `json:"tier"`
		Change   diff.Change   `json:"change"`
		Releases []pageRelease `json:"releases"`
	}
	pageRelease struct {
		Name    string       `json:"name"`
		Chart   string       `json:"chart"`
		Change  diff.Change  `json:"change"`
		Anchor  string       `json:"anchor"`
		Values  []pageValue  `json:"values,omitempty"`
		Objects []pageObject `json:"objects"`
		Picture *picture     `json:"picture,omitempty"`
	}
	pageValue struct {
		Path    string   `json:"path"`
		Before  *string  `json:"before,omitempty"`
		After   *string  `json:"after,omitempty"`
		Places  []string `json:"places,omitempty"`
		Objects []int    `json:"objects,omitempty"`
		Idle    bool     `json:"idle,omitempty"`
	}
	pageObject struct {
		ID        string      `json:"id"`
		Kind      string      `json:"kind"`
		Name      string      `json:"name"`
		Namespace string      `json:"namespace,omitempty"`
		API       string      `json:"api"`
		Template  string      `json:"template,omitempty"`
		Wave      int         `json:"wave,omitempty"`
		Hook      string      `json:"hook,omitempty"`
		Anchor    string      `json:"anchor"`
		Change    diff.Change `json:"change"`
		Was       string      `json:"was,omitempty"`
		Risk      diff.Level  `json:"risk,omitempty"`
		Risks     []diff.Risk `json:"risks,omitempty"`
		Fields    []pageField `json:"fields,omitempty"`
		// Lines is the YAML of both states: each line with its sign before it.
		Lines string `json:"lines,omitempty"`
		// Pairs are lines that became one another, Words what is different in a
		// line: starts and ends, in the units of JavaScript's strings.
		Pairs [][2]int      `json:"pairs,omitempty"`
		Words map[int][]int `json:"words,omitempty"`
	}
	pageField struct {
		Path   string   `json:"path"`
		Before *string  `json:"before,omitempty"`
		After  *string  `json:"after,omitempty"`
		Causes []string `json:"causes,omitempty"`
	}
)

func pageData(r *diff.Report) pageReport {
	p := pageReport{Environments: []pageEnvironment{}}
	for _, e := range r.Environments {
		env := pageEnvironment{Name: visible(e.Name), Tier: visible(e.Tier), Change: e.Change, Releases: []pageRelease{}}
		for _, rel := range e.Releases {
			env.Releases = append(env.Releases, newPageRelease(e, rel))
		}
		p.Environments = append(p.Environments, env)
	}
	return p
}

func newPageRelease(e diff.Environment, r diff.Release) pageRelease {
	p := pageRelease{Name: visible(r.Name), Chart: visible(r.Chart), Change: r.Change, Anchor: anchor(e.Name, r.Name), Objects: []pageObject{}}
	index := map[string]int{}
	for i, o := range r.Objects {
		index[o.ID] = i
		p.Objects = append(p.Objects, newPageObject(p.Anchor, o))
	}
	for _, v := range r.Values {
		value := pageValue{Path: visible(v.Path), Idle: len(v.Objects) == 0}
		value.Before, value.After = shown(v.Before, v.Before != nil), shown(v.After, v.After != nil)
		for _, place := range places(v.Places) {
			value.Places = append(value.Places, visible(place))
		}
		for _, id := range v.Objects {
			if i, ok := index[id]; ok {
				value.Objects = append(value.Objects, i)
			}
		}
		p.Values = append(p.Values, value)
	}
	if newTally().release(r).changed() > 0 {
		// Boxes without a line between them say no more than the list does.
		if drawn := draw(r.Objects); len(drawn.Edges) > 0 {
			p.Picture = drawn
		}
	}
	return p
}

func newPageObject(release string, o diff.Object) pageObject {
	p := pageObject{
		ID: visible(o.ID), Kind: visible(o.Kind), Name: visible(o.Name), Namespace: visible(o.Namespace), API: visible(o.APIVersion),
		Template: visible(o.Template), Wave: o.Wave, Hook: visible(o.Hook), Anchor: anchor(release, o.ID),
		Change: o.Change, Was: visible(o.Was), Risk: riskOf(o),
	}
	for _, risk := range o.Risks {
		p.Risks = append(p.Risks, diff.Risk{ID: visible(risk.ID), Level: risk.Level, Message: visible(risk.Message), Path: visible(risk.Path)})
	}
	slices.SortStableFunc(p.Risks, func(a, b diff.Risk) int { return weight(b.Level) - weight(a.Level) })
	for _, f := range o.Fields {
		field := pageField{Path: visible(f.Path)}
		field.Before, field.After = shown(f.Before, f.Change != diff.Added), shown(f.After, f.Change != diff.Removed)
		for _, c := range f.Causes {
			field.Causes = append(field.Causes, visible(cause(c)))
		}
		p.Fields = append(p.Fields, field)
	}
	var text strings.Builder
	for i, l := range compare(visibleLines(o.Before), visibleLines(o.After)) {
		text.WriteByte(l.op)
		text.WriteString(l.text)
		text.WriteByte('\n')
		if l.op == '-' && l.pair >= 0 {
			p.Pairs = append(p.Pairs, [2]int{i, l.pair})
		}
		for _, w := range l.words {
			if p.Words == nil {
				p.Words = map[int][]int{}
			}
			start := units(l.text[:w[0]])
			p.Words[i] = append(p.Words[i], start, start+units(l.text[w[0]:w[1]]))
		}
	}
	p.Lines = strings.TrimSuffix(text.String(), "\n")
	return p
}

// units is the length of a string as JavaScript counts it.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// shown is a value for the page, nil if there is none.
func shown(v any, there bool) *string {
	if !there {
		return nil
	}
	const long = 2000
	s := scalar(v)
	if tall(v) {
		s = strings.TrimSuffix(block(v), "\n")
	}
	s = shorten(s, long)
	return &s
}
