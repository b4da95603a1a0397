package blame

import (
	"regexp"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Line returns the line and column in a plain YAML document, or in a template,
// that most likely writes the field at a path of the object; for a field that is
// not there, those of the nearest struct or list around it.
func Line(text string, path []string) finding.Position {
	lines := splitLines(text)
	spot := locate(lines, span{0, len(lines)}, path)
	if spot.matched == 0 {
		return finding.Position{}
	}
	return finding.Position{Line: spot.line + 1, Column: spot.column + 1}
}

// span is a range of lines, the last one excluded, counted from 0.
type span struct{ from, to int }

// spot is the place of a field in a text.
type spot struct {
	// matched is the number of names of the path that were found, from its start.
	matched int
	// line and column are those of the last one found, counted from 0.
	line, column int
	// block are the lines of what the last one found holds.
	block span
}

// line is a line of a text, and what it starts with, if it looks like YAML.
type line struct {
	text string
	// key is the name of a field that starts in the column at, or at is -1.
	key string
	at  int
	// dash is the column of the dash of an element of a list, or -1.
	dash int
}

var (
	keyed  = regexp.MustCompile(`^(\s*(?:- )*)"?([A-Za-z0-9_./-]+)"?\s*:(?:\s|$)`)
	dashed = regexp.MustCompile(`^(\s*)- `)
)

func splitLines(text string) []line {
	var lines []line
	for _, t := range strings.Split(text, "\n") {
		l := line{text: t, at: -1, dash: -1}
		if m := keyed.FindStringSubmatch(t); m != nil {
			l.key, l.at = m[2], len(m[1])
		}
		if m := dashed.FindStringSubmatch(t); m != nil {
			l.dash = len(m[1])
		}
		lines = append(lines, l)
	}
	return lines
}

// locate looks for the names of the path one within the other, by their
// indents. It is a guess, as a template is no YAML.
func locate(lines []line, within span, path []string) spot {
	found := spot{block: within}
	indent := -1
	for _, name := range path {
		if n, err := strconv.Atoi(name); err == nil {
			line, column, next := item(lines, found.block, indent, n)
			if line < 0 {
				return found
			}
			found = spot{found.matched + 1, line, column, span{line, next}}
			indent = column
			continue
		}
		line, column := child(lines, found.block, indent, name)
		if line < 0 {
			return found
		}
		found = spot{found.matched + 1, line, column, span{line + 1, blockEnd(lines, line+1, found.block.to, column)}}
		indent = column
	}
	return found
}

// child returns the place of a key directly within a block, or line -1.
func child(lines []line, block span, indent int, name string) (line, column int) {
	least := -1
	line = -1
	for i := block.from; i < block.to; i++ {
		at := lines[i].at
		if at < 0 || at <= indent {
			continue
		}
		switch {
		case least >= 0 && at > least:
		case lines[i].key == name && (line < 0 || at < column):
			least, line, column = at, i, at
		case least < 0 || at < least:
			least = at
			if column > least {
				line = -1 // What was found lies deeper.
			}
		}
	}
	return line, column
}

// item returns the place of an element of the list in a block, and the line at
// which the next one starts. Templates that repeat an element write it once, so
// beyond the last one it is the last one.
func item(lines []line, block span, indent, n int) (line, column, next int) {
	line, column, next = -1, -1, block.to
	for i := block.from; i < block.to; i++ {
		at := lines[i].dash
		if at < 0 || at < indent || column >= 0 && at != column {
			continue
		}
		if n < 0 {
			return line, column, i
		}
		line, column = i, at
		n--
	}
	return line, column, next
}

// blockEnd returns the line at which a block ends whose key stands in a column.
func blockEnd(lines []line, from, to, column int) int {
	for i := from; i < to; i++ {
		switch l := lines[i]; {
		case l.dash >= 0: // A list may stand right below its key.
			if l.dash < column {
				return i
			}
		case l.at >= 0 && l.at <= column:
			return i
		}
	}
	return to
}
