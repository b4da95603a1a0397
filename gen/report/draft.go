package report

import (
	"cmp"
	"slices"
	"strings"
)

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
