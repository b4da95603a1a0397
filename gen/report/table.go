package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Tone says what a cell of a table means, and so how it is painted.
type Tone int

// The tones of a cell.
const (
	Plain Tone = iota
	Faint      // nothing to see
	Good
	Attention
	Bad
)

var toneInks = map[Tone]ink{Faint: faint, Good: green, Attention: yellow, Bad: alarm}

// Cell is one cell of a table. Its text may be anything: what would act on a
// terminal is made visible.
type Cell struct {
	Text string
	Tone Tone
}

const (
	columnGap      = 2
	narrowestField = 10 // columns of a cell that is broken into lines
)

// Table writes rows below a heading, in columns. Where they are wider than the
// terminal, the widest cells are broken into lines.
func Table(w io.Writer, heading []string, rows [][]Cell, o TextOptions) error {
	all := make([][]Cell, 0, len(rows)+1)
	first := make([]Cell, len(heading))
	for i, text := range heading {
		first[i] = Cell{Text: text, Tone: Plain}
	}
	all = append(append(all, first), rows...)
	widths := make([]int, len(heading))
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(visible(cell.Text)))
		}
	}
	limits := squeeze(widths, o.Width)
	out := bufio.NewWriter(w)
	p := newPalette(o.Colour)
	for n, row := range all {
		writeRow(out, p, row, limits, n == 0)
	}
	return out.Flush()
}

// squeeze makes the widest columns narrower until all of them fit, or none can be
// narrower.
func squeeze(widths []int, limit int) []int {
	total := columnGap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for limit > 0 && total > limit {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= narrowestField {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

func writeRow(w io.Writer, p palette, row []Cell, limits []int, heading bool) {
	cells := make([][][]part, len(row))
	height := 1
	for i, cell := range row {
		colour := toneInks[cell.Tone]
		if heading {
			colour = bold
		}
		cells[i] = wrap([]part{{colour, visible(cell.Text)}}, limits[i])
		height = max(height, len(cells[i]))
	}
	for line := range height {
		margin := 0 // Written before the next text, so that no line ends in spaces.
		for i := range cells {
			used := 0
			if line < len(cells[i]) {
				for _, part := range cells[i][line] {
					if part.text == "" {
						continue
					}
					fmt.Fprint(w, strings.Repeat(" ", margin), p.paint(part.ink, part.text))
					margin, used = 0, used+columns(part.text)
				}
			}
			margin += limits[i] - used + columnGap
		}
		fmt.Fprintln(w)
	}
}

// Visible returns a text of others on one line, with what would act on a terminal
// made visible.
func Visible(s string) string { return visible(s) }
