package report

import (
	"strings"
	"unicode"

	"github.com/fatih/color"
	"golang.org/x/text/width"
)

// ink is how a part of a line is painted.
type ink int

const (
	none ink = iota
	bold
	faint
	red
	green
	yellow
	magenta
	cyan
	alarm
)

var attributes = map[ink][]color.Attribute{
	bold:    {color.Bold},
	faint:   {color.Faint},
	red:     {color.FgRed},
	green:   {color.FgGreen},
	yellow:  {color.FgYellow},
	magenta: {color.FgMagenta},
	cyan:    {color.FgCyan},
	alarm:   {color.FgRed, color.Bold},
}

// palette paints; without colour it leaves text as it is.
type palette map[ink]*color.Color

func newPalette(colour bool) palette {
	p := palette{}
	for i, a := range attributes {
		c := color.New(a...)
		// The package's own idea of whether standard output has colours is not
		// asked: the text may go elsewhere.
		if colour {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		p[i] = c
	}
	return p
}

func (p palette) paint(i ink, s string) string {
	if c := p[i]; c != nil && strings.TrimSpace(s) != "" {
		return c.Sprint(s)
	}
	return s
}

// part is a piece of text in one ink.
type part struct {
	ink  ink
	text string
}

// columns is the width of a text in a terminal.
func columns(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// wrap breaks parts into lines of at most limit columns: at spaces, and inside of a
// word only if it does not fit on a line of its own. A limit below 1 breaks nothing.
func wrap(parts []part, limit int) [][]part {
	var lines [][]part
	var current []part
	used := 0
	put := func(i ink, s string) {
		if n := len(current); n > 0 && current[n-1].ink == i {
			current[n-1].text += s
		} else {
			current = append(current, part{i, s})
		}
		used += columns(s)
	}
	flush := func() {
		if n := len(current); n > 0 {
			current[n-1].text = strings.TrimRight(current[n-1].text, " ")
		}
		lines = append(lines, current)
		current, used = nil, 0
	}
	for _, p := range parts {
		for _, w := range strings.SplitAfter(p.text, " ") {
			need := columns(strings.TrimRight(w, " "))
			// A sign alone on a line would look lost: the word starts beside it.
			sign := used > 0 && used <= 2 && need > limit
			if limit > 0 && used > 0 && used+need > limit && !sign {
				flush()
			}
			for limit > 0 && used+need > limit {
				head, tail := cut(w, limit-used)
				put(p.ink, head)
				flush()
				w, need = tail, columns(strings.TrimRight(tail, " "))
			}
			put(p.ink, w)
		}
	}
	flush()
	return lines
}

// cut takes as much from the start of s as fits, at least one rune.
func cut(s string, limit int) (head, tail string) {
	used := 0
	for i, r := range s {
		used += runeColumns(r)
		if used > limit && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
