package report

import (
	"cmp"
	"fmt"
	"io"
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

func newDraft(r *diff.Report) *draft {
	all := newTally().report(r)
	d := &draft{head: "### What changes: " + code(stateName(r.From)) + " → " + code(stateName(r.To)) + "\n\n"}
	tools := toolsGroup(r)
	if all.changed() == 0 && all.values == 0 {
		nothing := "Nothing."
		if len(r.Tools) > 0 {
			nothing = "Nothing but the tools."
		}
		d.head += fmt.Sprintf("%s %s in %s stay as they are.", nothing, plural(all.objects(), "object"), plural(len(r.Environments), "environment"))
		d.leftOut(r)
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
	d.leftOut(r)

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

// leftOut ends the head with what the report is not about.
func (d *draft) leftOut(r *diff.Report) {
	if text := leftOut(r); text != "" {
		d.head += " " + text
	}
	d.head += "\n\n"
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
