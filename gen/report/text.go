package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/diff"
)

// TextOptions say where text is to be read.
type TextOptions struct {
	// Colour paints with the escape sequences of a terminal.
	Colour bool
	// Width is how many columns there are; 0 breaks no line.
	Width int
	// Full folds nothing, however long it is.
	Full bool
}

// Text writes what changes for a person at a terminal: by environment and release
// the risks, then object by object the fields that change and why, then the values
// behind it, and at the end one line per environment that sums it up. What stays
// as it is is counted and not listed.
func Text(w io.Writer, r *diff.Report, o TextOptions) error {
	out := bufio.NewWriter(w)
	t := &texter{w: out, palette: newPalette(o.Colour), width: o.Width, full: o.Full}
	t.report(r)
	return out.Flush()
}

// What is longer is folded, with a word on how much more there is.
const (
	longBlock  = 16  // lines of a value with several, or of a new object
	longValue  = 240 // characters of a value on one line
	longCauses = 3   // places behind one field
)

type texter struct {
	w       *bufio.Writer
	palette palette
	width   int
	full    bool
}

// print writes parts with an indent, and what does not fit in the line below it, a
// little further in.
func (t *texter) print(indent int, parts ...part) {
	limit := 0
	if t.width > 0 {
		// In a very narrow terminal something readable is better than something
		// that fits.
		limit = max(12, t.width-indent-2)
	}
	lines := [][]part{parts}
	if total := partsColumns(parts); limit > 0 && total > limit+2 {
		lines = wrap(parts, limit)
	}
	for i, line := range lines {
		margin := indent
		if i > 0 {
			margin += 2
		}
		if len(line) > 0 {
			fmt.Fprint(t.w, strings.Repeat(" ", margin))
		}
		for _, p := range line {
			fmt.Fprint(t.w, t.palette.paint(p.ink, p.text))
		}
		fmt.Fprintln(t.w)
	}
}

func partsColumns(parts []part) (n int) {
	for _, p := range parts {
		n += columns(p.text)
	}
	return n
}

func (t *texter) fits(indent int, parts []part) bool {
	return t.width <= 0 || indent+partsColumns(parts) <= t.width
}

func (t *texter) gap() { fmt.Fprintln(t.w) }

func (t *texter) limit(n int) int {
	if t.full {
		return 0
	}
	return n
}

func (t *texter) report(r *diff.Report) {
	for _, e := range r.Environments {
		if e.Change != diff.Unchanged || slices.ContainsFunc(e.Releases, moves) {
			t.environment(e)
		}
	}
	t.tools(r)
	t.policy(r.Policy)
	t.summary(r)
}

// tools writes the versions that are others in the two states.
func (t *texter) tools(r *diff.Report) {
	if len(r.Tools) == 0 {
		return
	}
	line := []part{{bold, "tools"}, {none, ": "}}
	for i, c := range r.Tools {
		text := visible(c.String())
		if i+1 < len(r.Tools) {
			text += ", "
		}
		line = append(line, part{yellow, text})
	}
	t.print(0, line...)
}

// policy writes what it finds in the two states, and what is new of it.
func (t *texter) policy(p *diff.Policy) {
	if p == nil {
		return
	}
	t.print(0, part{bold, "policy"}, part{none, ": " + judged(p)})
	for _, f := range p.Introduced {
		t.print(2, part{red, "+ "}, part{none, visible(f.Message)}, part{faint, " [" + visible(f.Rule) + "]"})
		t.print(4, part{faint, visible(strings.TrimSpace(f.Position.String() + " " + about(f)))})
	}
	for _, f := range p.Resolved {
		t.print(2, part{green, "- "}, part{none, visible(f.Message)}, part{faint, " [" + visible(f.Rule) + "]"})
		t.print(4, part{faint, visible(about(f))})
	}
}

func (t *texter) environment(e diff.Environment) {
	heading := []part{{bold, visible(e.Name)}}
	if e.Tier != "" && e.Tier != e.Name {
		heading = append(heading, part{faint, " (" + visible(e.Tier) + ")"})
	}
	if e.Change == diff.Added || e.Change == diff.Removed {
		heading = append(heading, part{changeInk(e.Change), " " + string(e.Change)})
	}
	t.print(0, heading...)
	for _, r := range e.Releases {
		if moves(r) {
			t.gap()
			t.release(e, r)
		}
	}
	t.gap()
}

func (t *texter) release(e diff.Environment, r diff.Release) {
	heading := []part{{bold, visible(r.Name)}}
	if r.Change == diff.Added || r.Change == diff.Removed {
		heading = append(heading, part{changeInk(r.Change), " " + string(r.Change)})
	}
	if counts := newTally().release(r).String(); counts != "" {
		heading = append(heading, part{faint, ": " + counts})
	}
	t.print(2, heading...)
	if all := threats(e, r); len(all) > 0 {
		t.gap()
		for _, risk := range all {
			t.threat(risk)
		}
	}
	for _, o := range r.Objects {
		if o.Change != diff.Unchanged {
			t.gap()
			t.object(o)
		}
	}
	t.values(r.Values)
}

func levelInk(l diff.Level) ink {
	switch l {
	case diff.High:
		return alarm
	case diff.Medium:
		return yellow
	default:
		return cyan
	}
}

func changeInk(c diff.Change) ink {
	switch c {
	case diff.Added:
		return green
	case diff.Removed:
		return red
	case diff.Changed:
		return yellow
	case diff.Replaced:
		return magenta
	case diff.Renamed:
		return cyan
	default:
		return none
	}
}

func (t *texter) threat(r threat) {
	about := visible(title(r.object))
	if r.Path != "" {
		about += ", " + visible(r.Path)
	}
	t.print(4, part{levelInk(r.Level), string(r.Level) + " risk:"}, part{none, " "}, part{bold, visible(r.Message)}, part{faint, " [" + visible(r.ID) + "]"})
	t.print(6, part{faint, about})
}

func (t *texter) object(o diff.Object) {
	i := changeInk(o.Change)
	heading := []part{{i, sign(o.Change) + " "}, {bold, visible(title(o))}}
	switch o.Change {
	case diff.Replaced:
		heading = append(heading, part{i, " is deleted and made again"})
	case diff.Renamed:
		heading = append(heading, part{i, " was " + visible(o.Was)})
	}
	if o.Hook != "" {
		heading = append(heading, part{faint, " (" + visible(o.Hook) + " hook)"})
	}
	if level := riskOf(o); level != "" {
		heading = append(heading, part{faint, ", "}, part{levelInk(level), string(level) + " risk"})
	}
	t.print(4, heading...)
	for _, f := range o.Fields {
		t.field(f)
	}
	if len(o.Fields) == 0 && o.Change == diff.Added {
		t.lines(8, compare("", visibleLines(o.After)))
	}
}

func (t *texter) field(f diff.Field) {
	t.transition(8, visible(f.Path), f.Change, f.Before, f.After)
	limit := t.limit(longCauses)
	for i, c := range f.Causes {
		if limit > 0 && i == limit {
			t.print(10, part{faint, fmt.Sprintf("… and %d more", len(f.Causes)-i)})
			break
		}
		t.print(10, part{faint, visible(cause(c))})
	}
}

// transition writes what a field or a value was and is: on one line if there is
// room, else below each other, as a comparison of lines if there are several.
func (t *texter) transition(indent int, path string, change diff.Change, before, after any) {
	had, has := change != diff.Added, change != diff.Removed
	if tall(before) && had || tall(after) && has {
		t.print(indent, part{none, path + ":"})
		var a, b string
		if had {
			a = block(before)
		}
		if has {
			b = block(after)
		}
		t.lines(indent+2, compare(a, b))
		return
	}
	old := shorten(scalar(before), t.limit(longValue))
	now := shorten(scalar(after), t.limit(longValue))
	one := []part{{none, path + ": "}}
	switch {
	case had && has:
		one = append(one, part{red, old}, part{faint, " → "}, part{green, now})
	case has:
		one = append(one, part{green, "+ " + now})
	default:
		one = append(one, part{red, "- " + old})
	}
	if t.fits(indent, one) {
		t.print(indent, one...)
		return
	}
	t.print(indent, part{none, path + ":"})
	if had {
		t.print(indent+2, part{red, "- " + old})
	}
	if has {
		t.print(indent+2, part{green, "+ " + now})
	}
}

// lines writes a comparison of lines.
func (t *texter) lines(indent int, compared []line) {
	out := unified(compared, 2)
	limit := t.limit(longBlock)
	for i, l := range out {
		// One line more is no longer than the word on it.
		if limit > 0 && i == limit && len(out) > limit+1 {
			t.print(indent, part{faint, fmt.Sprintf("… %s more lines", grouped(len(out)-i))})
			return
		}
		color := none
		switch l[0] {
		case '+':
			color = green
		case '-':
			color = red
		case '@':
			color = cyan
		}
		t.print(indent, part{color, shorten(l, t.limit(longValue))})
	}
}

// values writes those behind the changes, and then those that alter nothing.
func (t *texter) values(values []diff.Value) {
	idle := slices.DeleteFunc(slices.Clone(values), func(v diff.Value) bool { return len(v.Objects) > 0 })
	if acting := len(values) - len(idle); acting > 0 {
		t.gap()
		t.print(4, part{none, plural(acting, "value") + " changed"})
		for _, v := range values {
			if len(v.Objects) > 0 {
				t.value(v)
			}
		}
	}
	if len(idle) > 0 {
		t.gap()
		verb := " changed and alter nothing"
		if len(idle) == 1 {
			verb = " changed and alters nothing"
		}
		t.print(4, part{yellow, plural(len(idle), "value") + verb})
		for _, v := range idle {
			t.value(v)
		}
	}
}

func (t *texter) value(v diff.Value) {
	change := diff.Changed
	switch {
	case v.Before == nil && v.After != nil:
		change = diff.Added
	case v.After == nil && v.Before != nil:
		change = diff.Removed
	}
	t.transition(6, visible(v.Path), change, v.Before, v.After)
	for _, place := range places(v.Places) {
		t.print(8, part{faint, visible(place)})
	}
}

// summary says in a line per environment what changes there, and how risky it is.
func (t *texter) summary(r *diff.Report) {
	all := newTally().report(r)
	states := fmt.Sprintf("%s → %s", visible(stateName(r.From)), visible(stateName(r.To)))
	still := 0
	for _, e := range r.Environments {
		counts := newTally().environment(e)
		if e.Change == diff.Unchanged && counts.changed() == 0 && counts.values == 0 {
			still++
			continue
		}
		line := []part{{bold, visible(e.Name)}, {none, ": "}}
		said := counts.String()
		if counts.changed() == 0 {
			said = "no object changes"
			if counts.idle > 0 {
				said += ", " + plural(counts.idle, "value") + " without effect"
			}
		}
		line = append(line, part{none, said})
		if highest := counts.highest(); highest != "" {
			line = append(line, part{none, "; risks: "}, part{levelInk(highest), counts.risky()})
		}
		t.print(0, line...)
	}
	switch {
	case still == len(r.Environments):
		nothing := "Nothing"
		if len(r.Tools) > 0 {
			nothing = "Nothing else"
		}
		t.print(0, part{none, fmt.Sprintf(nothing+" changes in %s with %s (%s).", plural(still, "environment"), plural(all.objects(), "object"), states)})
	default:
		line := []part{{bold, plural(all.changed(), "object")}, {none, " of " + grouped(all.objects()) + " " + verb(all.changed()) + " (" + states + ")"}}
		if still > 0 {
			line = append(line, part{none, ", " + plural(still, "environment") + " " + verb(still, "stays", "stay") + " as " + verb(still, "it is", "they are")})
		}
		if highest := all.highest(); highest != "" {
			line = append(line, part{none, "; highest risk: "}, part{levelInk(highest), string(highest)})
		} else {
			line = append(line, part{none, "; no risks"})
		}
		t.print(0, line...)
	}
}

// verb is the word that goes with a number of things.
func verb(n int, words ...string) string {
	if len(words) == 0 {
		words = []string{"changes", "change"}
	}
	if n == 1 {
		return words[0]
	}
	return words[1]
}
