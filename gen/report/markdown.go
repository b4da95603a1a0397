package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
)

// NoteLimit is how long a note on GitLab may be, in characters; see
// https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics
const NoteLimit = 1_000_000

// MarkdownOptions say where Markdown goes.
type MarkdownOptions struct {
	// Limit is how many bytes it may have, [NoteLimit] if 0. What does not fit is
	// left out object by object, those with the least risk first.
	Limit int
	// MoreURL is where the whole report is, said where something is left out.
	MoreURL string
}

// Markdown writes what changes as a note on a merge request: a table that sums it
// up, the risks, and the objects in folds.
//
// Everything that is not written here stands as code, where GitLab looks for no
// mention of a person, no reference and no quick action, or is broken up so that
// it finds none.
func Markdown(w io.Writer, r *diff.Report, o MarkdownOptions) error {
	limit := o.Limit
	if limit <= 0 {
		limit = NoteLimit
	}
	d := newDraft(r)
	d.fit(limit, o.MoreURL)
	_, err := io.WriteString(w, d.text(o.MoreURL))
	return err
}

// draft is a note as the pieces that it can be cut into.
type draft struct {
	head   string
	groups []group
}

// group is a number of pieces under a heading that makes no sense without them.
type group struct {
	heading, tail string
	pieces        []piece
}

// piece stays or goes as a whole; the lowest rank goes first.
type piece struct {
	text   string
	rank   int
	gone   bool
	object bool
}

func (g group) left() bool {
	return slices.ContainsFunc(g.pieces, func(p piece) bool { return !p.gone })
}

// The ranks of pieces: rows of the table are worth more than any risk, and a risk
// more than what becomes of an object.
const (
	rankRow    = 1000
	rankThreat = 500
	rankRisk   = 100
)

func newDraft(r *diff.Report) *draft {
	all := newTally().report(r)
	d := &draft{head: "### What changes: " + code(stateName(r.From)) + " → " + code(stateName(r.To)) + "\n\n"}
	tools := toolsGroup(r)
	if all.changed() == 0 && all.values == 0 {
		nothing := "Nothing."
		if len(r.Tools) > 0 {
			nothing = "Nothing but the tools."
		}
		d.head += fmt.Sprintf("%s %s in %s stay as they are.\n\n", nothing, plural(all.objects(), "object"), plural(len(r.Environments), "environment"))
		d.groups = []group{tools}
		d.policy(r.Policy)
		return d
	}
	d.head += fmt.Sprintf("%s of %s %s.", plural(all.changed(), "object"), grouped(all.objects()), verb(all.changed()))
	if highest := all.highest(); highest != "" {
		d.head += fmt.Sprintf(" Risks: **%s**.", all.risky())
	} else {
		d.head += " No risks."
	}
	d.head += "\n\n"

	rows := group{heading: "| environment | release | added | changed | removed | risks |\n|---|---|--:|--:|--:|---|\n", tail: "\n"}
	risks := group{heading: "#### Risks\n\n", tail: "\n"}
	var still []string
	var details []group
	for _, e := range r.Environments {
		moved := false
		for _, rel := range e.Releases {
			if !moves(rel) {
				continue
			}
			moved = true
			rows.pieces = append(rows.pieces, row(e, rel))
			for _, t := range threats(e, rel) {
				risks.pieces = append(risks.pieces, piece{rank: rankThreat + weight(t.Level), text: fmt.Sprintf("- **%s**: %s (%s, %s) %s\n",
					t.Level, prose(t.Message), code(title(t.object)), code(e.Name+"/"+rel.Name), code(t.ID))})
			}
			details = append(details, releaseGroup(e, rel))
		}
		if !moved && e.Change == diff.Unchanged {
			still = append(still, code(e.Name))
		}
	}
	slices.SortStableFunc(risks.pieces, func(a, b piece) int { return cmp.Compare(b.rank, a.rank) })
	const many = 12
	switch {
	case len(still) > many:
		rows.tail += fmt.Sprintf("%s stay as they are.\n\n", plural(len(still), "environment"))
	case len(still) > 0:
		rows.tail += "As before: " + strings.Join(still, ", ") + ".\n\n"
	}
	d.groups = []group{tools, rows, risks}
	d.policy(r.Policy)
	d.groups = append(d.groups, details...)
	return d
}

// toolsGroup says which tools have other versions.
func toolsGroup(r *diff.Report) group {
	var texts []string
	for _, c := range r.Tools {
		texts = append(texts, code(c.String()))
	}
	if len(texts) == 0 {
		return group{}
	}
	return group{pieces: []piece{{rank: rankRow, text: "Tools: " + strings.Join(texts, ", ") + ".\n\n"}}}
}

// policy adds what the policy finds: a line that sums it up, and what is new and what
// is gone.
func (d *draft) policy(p *diff.Policy) {
	if p == nil {
		return
	}
	d.head += "Policy: " + judged(p) + ".\n\n"
	g := group{heading: "#### Policy\n\n", tail: "\n"}
	add := func(word string, rank int, f finding.Finding) {
		text := fmt.Sprintf("- **%s**: %s", word, prose(f.Message))
		if s := about(f); s != "" {
			text += " (" + code(s) + ")"
		}
		if f.IsValid() && word != "resolved" {
			text += " at " + code(f.Position.String())
		}
		g.pieces = append(g.pieces, piece{rank: rank, text: text + " " + code(f.Rule) + "\n"})
	}
	for _, f := range p.Introduced {
		add(string(f.Severity), rankThreat+weight(diff.High), f)
	}
	for _, f := range p.Resolved {
		add("resolved", rankThreat, f)
	}
	d.groups = append(d.groups, g)
}

func row(e diff.Environment, r diff.Release) piece {
	t := newTally().release(r)
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return grouped(n)
	}
	risk := t.risky()
	if t.highest() == diff.High {
		risk = "**" + risk + "**"
	}
	changed := t.changes[diff.Changed] + t.changes[diff.Replaced] + t.changes[diff.Renamed]
	return piece{rank: rankRow + weight(t.highest()), text: fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n",
		cell(e.Name), cell(r.Name), number(t.changes[diff.Added]), number(changed), number(t.changes[diff.Removed]), risk)}
}

func releaseGroup(e diff.Environment, r diff.Release) group {
	g := group{heading: fmt.Sprintf("#### %s / %s\n\n", code(e.Name), code(r.Name))}
	if counts := newTally().release(r); counts.changed() > 0 {
		g.heading += counts.String() + "\n\n"
	}
	for _, o := range r.Objects {
		if o.Change != diff.Unchanged {
			g.pieces = append(g.pieces, objectPiece(o))
		}
	}
	if len(r.Values) > 0 {
		g.pieces = append(g.pieces, valuesPiece(r.Values))
	}
	return g
}

// objectPiece is an object as a fold: risks, a comparison of the YAML, and where
// each change comes from.
func objectPiece(o diff.Object) piece {
	level := riskOf(o)
	var b strings.Builder
	fmt.Fprintf(&b, "<details>\n<summary>%s %s", sign(o.Change), tagged(title(o)))
	switch o.Change {
	case diff.Added, diff.Removed, diff.Replaced:
		fmt.Fprintf(&b, " %s", o.Change)
	case diff.Renamed:
		fmt.Fprintf(&b, " was %s", tagged(o.Was))
	}
	if n := len(o.Fields); n > 0 && o.Change != diff.Added && o.Change != diff.Removed {
		fmt.Fprintf(&b, ", %s", plural(n, "field"))
	}
	if level != "" {
		fmt.Fprintf(&b, ", <b>%s risk</b>", level)
	}
	b.WriteString("</summary>\n\n")
	for _, risk := range o.Risks {
		fmt.Fprintf(&b, "- **%s**: %s", risk.Level, prose(risk.Message))
		if risk.Path != "" {
			fmt.Fprintf(&b, " at %s", code(risk.Path))
		}
		fmt.Fprintf(&b, " %s\n", code(risk.ID))
	}
	if len(o.Risks) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString(fence("diff", objectLines(o)))
	var from []string
	for _, f := range o.Fields {
		if len(f.Causes) == 0 {
			continue
		}
		line := "- " + code(f.Path) + " from"
		for i, c := range f.Causes {
			if i > 0 {
				line += ","
			}
			if c.IsValid() {
				line += " " + code(c.Position.String())
			}
			if c.Message != "" {
				line += " " + prose(c.Message)
			}
		}
		from = append(from, line+"\n")
	}
	if len(from) > 0 {
		b.WriteString("\n" + strings.Join(from, ""))
	}
	b.WriteString("\n</details>\n\n")
	return piece{text: b.String(), rank: weight(level)*rankRisk + len(changes) - slices.Index(changes, o.Change), object: true}
}

// objectLines is what changes of an object: lines of its YAML, or of its fields if
// the YAML is not there.
func objectLines(o diff.Object) []string {
	if o.Before != "" || o.After != "" {
		return unified(compare(visibleLines(o.Before), visibleLines(o.After)), 3)
	}
	var out []string
	for _, f := range o.Fields {
		if f.Change != diff.Added {
			out = append(out, "-"+visible(f.Path)+": "+scalar(f.Before))
		}
		if f.Change != diff.Removed {
			out = append(out, "+"+visible(f.Path)+": "+scalar(f.After))
		}
	}
	return out
}

func valuesPiece(values []diff.Value) piece {
	idle := 0
	var b strings.Builder
	for _, v := range values {
		b.WriteString("- " + code(v.Path) + ": ")
		switch {
		case v.Before == nil:
			b.WriteString("set to " + code(shorten(scalar(v.After), longValue)))
		case v.After == nil:
			b.WriteString("gone, was " + code(shorten(scalar(v.Before), longValue)))
		default:
			b.WriteString(code(shorten(scalar(v.Before), longValue)) + " → " + code(shorten(scalar(v.After), longValue)))
		}
		for _, p := range v.Places {
			b.WriteString(" " + code(p.String()))
		}
		if len(v.Objects) == 0 {
			idle++
			b.WriteString(" **alters nothing**")
		}
		b.WriteByte('\n')
	}
	summary := plural(len(values), "value") + " changed"
	if idle > 0 {
		summary += fmt.Sprintf(", %d without effect", idle)
	}
	// Below the objects with a risk, above those without.
	return piece{text: "<details>\n<summary>" + summary + "</summary>\n\n" + b.String() + "\n</details>\n\n", rank: rankRisk - 1}
}

// fit leaves pieces out until what is left, and the word on it, is short enough.
func (d *draft) fit(limit int, more string) {
	type place struct{ group, piece int }
	var order []place
	size := len(d.head)
	for i, g := range d.groups {
		if len(g.pieces) > 0 {
			size += len(g.heading) + len(g.tail)
		}
		for j, p := range g.pieces {
			order = append(order, place{i, j})
			size += len(p.text)
		}
	}
	if len(d.text(more)) <= limit {
		return
	}
	// The word on what is missing, at its longest.
	size += len(missing(len(order), len(order), more))
	slices.SortStableFunc(order, func(a, b place) int {
		return cmp.Or(cmp.Compare(d.groups[a.group].pieces[a.piece].rank, d.groups[b.group].pieces[b.piece].rank),
			// Of equals the last goes first.
			cmp.Compare(b.group, a.group), cmp.Compare(b.piece, a.piece))
	})
	for _, at := range order {
		if size <= limit {
			return
		}
		g := &d.groups[at.group]
		g.pieces[at.piece].gone = true
		size -= len(g.pieces[at.piece].text)
		if !g.left() {
			size -= len(g.heading) + len(g.tail)
		}
	}
}

func (d *draft) text(more string) string {
	var b strings.Builder
	b.WriteString(d.head)
	objects, others := 0, 0
	for _, g := range d.groups {
		if !g.left() {
			for _, p := range g.pieces {
				if p.object {
					objects++
				} else {
					others++
				}
			}
			continue
		}
		b.WriteString(g.heading)
		for _, p := range g.pieces {
			switch {
			case !p.gone:
				b.WriteString(p.text)
			case p.object:
				objects++
			default:
				others++
			}
		}
		b.WriteString(g.tail)
	}
	if objects+others > 0 {
		b.WriteString(missing(objects, others, more))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// missing says what is left out and where it is.
func missing(objects, others int, more string) string {
	var what []string
	if objects > 0 {
		what = append(what, plural(objects, "object"))
	}
	if others > 0 {
		what = append(what, plural(others, "other part"))
	}
	s := "> Not all of it fits here: " + strings.Join(what, " and ") + " left out, those with the least risk first."
	if more != "" {
		s += " The whole report: " + link(more)
	}
	return s + "\n"
}

// link writes an address that is nothing but a link.
func link(url string) string {
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20", `\`, "%5C").Replace(visible(url)) + ">"
}

var backticks = regexp.MustCompile("`+")

// code writes s as code within a line, outside of tables.
func code(s string) string {
	s = visible(s)
	if strings.TrimSpace(s) == "" {
		return tagged(s)
	}
	ticks := "`" + longest(s)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// longest returns the longest run of backticks in s.
func longest(s string) (run string) {
	for _, r := range backticks.FindAllString(s, -1) {
		if len(r) > len(run) {
			run = r
		}
	}
	return run
}

// tagged writes s as code where HTML is read and Markdown is not, such as in a
// summary.
func tagged(s string) string { return "<code>" + html.EscapeString(visible(s)) + "</code>" }

// cell writes s as code in a table, where a pipe would end it even within code, and
// where Markdown reads between HTML tags.
func cell(s string) string {
	var b strings.Builder
	for _, r := range visible(s) {
		writeMeaningless(&b, r)
	}
	return "<code>" + b.String() + "</code>"
}

// writeMeaningless writes a rune as a character reference if it could mean something
// to Markdown; references never do.
func writeMeaningless(b *strings.Builder, r rune) {
	if strings.ContainsRune("!\"#$%&'()*+:<=>?@[\\]^_`{|}~", r) {
		fmt.Fprintf(b, "&#%d;", r)
	} else {
		b.WriteRune(r)
	}
}

// prose writes a sentence that may hold names. A character without a width after
// each that makes GitLab look for somebody or something keeps it from finding them:
// @person #issue !merge %milestone ~label $snippet &epic ^alert :emoji:
func prose(s string) string {
	var b strings.Builder
	runes := []rune(visible(s))
	for i, r := range runes {
		writeMeaningless(&b, r)
		if strings.ContainsRune("@#!%~$&^:", r) && i+1 < len(runes) && runes[i+1] != ' ' {
			b.WriteString("&#8203;")
		}
	}
	return b.String()
}

// fence writes lines as a block of code.
func fence(language string, lines []string) string {
	text := strings.Join(lines, "\n")
	ticks := max("```", longest(text)+"`")
	return ticks + language + "\n" + text + "\n" + ticks + "\n"
}
