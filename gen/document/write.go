package document

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	plain "sigs.k8s.io/yaml/goyaml.v2"
)

// writer writes a tree as blocks of YAML, with the styles, quotes and line breaks of
// the library's own emitter. It gives up, and leaves the tree to the library, where
// it meets what charts hardly write: characters beyond ASCII, small fractions, texts with
// blanks at the ends of lines.
type writer struct {
	text []byte
	// line is where the current line starts in the text.
	line int
	// failed tells that it has given up.
	failed bool
	// keys are those of the maps that are being written.
	keys []string
}

// foldAfter is the column, counted from 0, after which a line is broken at a blank.
const foldAfter = 80

var writers = sync.Pool{New: func() any { return &writer{} }}

// write returns a tree as YAML; ok is false if it is the library's to write.
func write(tree any) (text []byte, ok bool) {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.text, w.line, w.failed, w.keys = w.text[:0], 0, false, w.keys[:0]
	if text, ok := tree.(string); ok {
		// Without blanks it stays on one line, however long.
		w.failed = len(text) > foldAfter && strings.Contains(text, " ") || strings.Contains(text, "\n")
		w.scalar(text, -1)
	} else if !w.block(tree, 0) {
		w.leaf(tree, 0)
	}
	w.endLine()
	if w.failed {
		return nil, false
	}
	return slices.Clone(w.text), true
}

// newLine starts a line with an indent in columns.
func (w *writer) newLine(indent int) {
	w.endLine()
	for range indent {
		w.text = append(w.text, ' ')
	}
}

// endLine ends the current line, unless it is empty.
func (w *writer) endLine() {
	if w.line == len(w.text) {
		return
	}
	w.text = append(w.text, '\n')
	w.line = len(w.text)
}

// block writes a map or a list, with its first line where the text ends, and reports whether it
// has: one that is empty is a leaf.
func (w *writer) block(v any, indent int) bool {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.table(v, indent)
			return true
		}
	case []any:
		if len(v) > 0 {
			list(w, v, indent)
			return true
		}
	case []string:
		if len(v) > 0 {
			list(w, v, indent)
			return true
		}
	}
	return false
}

// table writes a map that is not empty; its first key stands where the text ends.
func (w *writer) table(table map[string]any, indent int) {
	start := len(w.keys)
	for key := range table {
		w.keys = append(w.keys, key)
	}
	keys := w.keys[start:]
	slices.SortFunc(keys, compareKeys)
	for i, key := range keys {
		if i > 0 {
			w.newLine(indent)
		}
		w.failed = w.failed || len(key) > longestKey || key == "<<" || strings.Contains(key, "\n")
		w.scalar(key, -1)
		w.text = append(w.text, ':')
		w.value(table[key], indent)
		if w.failed {
			return
		}
	}
	w.keys = w.keys[:start]
	w.endLine()
}

// value writes what belongs to a key that stands at the indent.
func (w *writer) value(v any, indent int) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			w.newLine(indent + 2)
			w.table(v, indent+2)
			return
		}
	case []any:
		if len(v) > 0 {
			w.newLine(indent) // Lists are not indented below a key.
			list(w, v, indent)
			return
		}
	case []string:
		if len(v) > 0 {
			w.newLine(indent)
			list(w, v, indent)
			return
		}
	}
	w.text = append(w.text, ' ')
	w.leaf(v, indent+2)
}

// list writes a list that is not empty; its first dash stands where the text ends.
func list[E any](w *writer, elems []E, indent int) {
	for i, elem := range elems {
		if i > 0 {
			w.newLine(indent)
		}
		w.text = append(w.text, '-', ' ')
		if !w.block(elem, indent+2) {
			w.leaf(elem, indent+2)
		}
		if w.failed {
			return
		}
	}
	w.endLine()
}

// leaf writes what is neither a map nor a list with something in it. The indent is
// that of further lines.
func (w *writer) leaf(v any, indent int) {
	switch v := v.(type) {
	case string:
		w.scalar(v, indent)
	case nil:
		w.text = append(w.text, "null"...)
	case bool:
		w.text = strconv.AppendBool(w.text, v)
	case int:
		w.text = strconv.AppendInt(w.text, int64(v), 10)
	case int64:
		w.text = strconv.AppendInt(w.text, v, 10)
	case float64:
		n := int64(v)
		if size := math.Abs(v); float64(n) != v && size >= leastFraction && size < mostFraction {
			w.text = strconv.AppendFloat(w.text, v, 'f', -1, 64)
			return
		}
		w.failed = w.failed || float64(n) != v || max(n, -n) >= whole
		w.text = strconv.AppendInt(w.text, n, 10)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		w.failed = w.failed || err != nil || n <= -whole || n >= whole || strconv.FormatInt(n, 10) != string(v)
		w.text = append(w.text, v...)
	case map[string]any:
		w.failed = w.failed || v == nil
		w.text = append(w.text, "{}"...)
	case []any:
		w.failed = w.failed || v == nil
		w.text = append(w.text, "[]"...)
	case []string:
		w.failed = w.failed || v == nil
		w.text = append(w.text, "[]"...)
	default:
		w.failed = true
	}
}

// Between these, fractions are written without an exponent.
const (
	leastFraction = 1e-3
	mostFraction  = 1e5
)

// style is how a text is written.
type style int

const (
	bare style = iota
	singleQuoted
	doubleQuoted
	literal
	unknown
)

// scalar writes a text. The indent is that of further lines, -1 if there may be none.
func (w *writer) scalar(text string, indent int) {
	switch styleOf(text) {
	case bare:
		w.words(text, indent, false)
	case singleQuoted:
		w.text = append(w.text, '\'')
		w.words(text, indent, true)
		w.text = append(w.text, '\'')
	case doubleQuoted:
		w.text = append(w.text, '"')
		w.text = append(w.text, text...)
		w.text = append(w.text, '"')
	case literal:
		w.lines(text, indent)
	case unknown:
		w.failed = true
	}
}

// words writes a text of one line, broken where it gets too long.
func (w *writer) words(text string, indent int, quoted bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == ' ' && indent >= 0 && len(w.text)-w.line > foldAfter && i > 0 && text[i-1] != ' ' && i+1 < len(text) && text[i+1] != ' ':
			w.newLine(indent)
			continue
		case c == '\'' && quoted:
			w.text = append(w.text, '\'')
		}
		w.text = append(w.text, c)
	}
}

// lines writes a text as it is, line by line.
func (w *writer) lines(text string, indent int) {
	w.text = append(w.text, '|')
	if text[0] == ' ' || text[0] == '\n' {
		w.text = append(w.text, '2') // How far the lines are indented can't be seen from the first.
	}
	if text[len(text)-1] != '\n' {
		w.text = append(w.text, '-')
	}
	w.endLine()
	for line := range strings.Lines(text) {
		if line != "\n" {
			for range indent {
				w.text = append(w.text, ' ')
			}
		}
		w.text = append(w.text, line...)
		if line[len(line)-1] == '\n' {
			w.line = len(w.text)
		}
	}
}

// styleOf returns how the library writes a text.
func styleOf(text string) style {
	if text == "" {
		return doubleQuoted
	}
	quote := strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")
	broken := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		next := byte(' ')
		if i+1 < len(text) {
			next = text[i+1]
		}
		blank := next == ' ' || next == '\n'
		switch {
		case c == '\n':
			broken = true
		case c < ' ' || c > '~', c == ' ' && next == '\n':
			return unknown
		case c == ' ':
			quote = quote || i == 0 || i == len(text)-1
		case c == ':':
			quote = quote || blank
		case c == '#':
			quote = quote || i == 0 || text[i-1] == ' ' || text[i-1] == '\n'
		case i > 0:
		case strings.IndexByte(",[]{}&*!|>'\"%@`", c) >= 0, (c == '-' || c == '?') && blank:
			quote = true
		}
	}
	switch {
	case broken:
		last := len(text) - 1
		if text[last] == ' ' || text[last] == '\n' && (last == 0 || text[last-1] == '\n') {
			return unknown
		}
		return literal
	case !isText(text):
		if strings.ContainsAny(text, ` "\`) {
			return unknown
		}
		return doubleQuoted
	case quote:
		return singleQuoted
	}
	return bare
}

// isText reports whether YAML's own reader takes words without quotes for a text, and
// not for a number, a date or the like.
func isText(text string) bool {
	switch c := text[0]; {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '/':
		return len(text) > len("false") || !slices.Contains(words, text)
	}
	// Digits with letters and marks that no number has are told from here; of the
	// rest, the library is asked.
	for i := range len(text) {
		if !ofNumbers[text[i]] {
			return true
		}
	}
	if known, ok := asked.Load(text); ok {
		return known.(bool)
	}
	written, err := plain.Marshal(text)
	found := err == nil && !strings.HasPrefix(string(written), `"`)
	if askedCount.Add(1) < mostAsked {
		asked.Store(text, found)
	}
	return found
}

// words are those that mean something else than themselves.
var words = []string{
	"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
	"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
	"null", "Null", "NULL",
}

// ofNumbers are the characters that numbers, dates and times are written with.
var ofNumbers = func() (set [256]bool) {
	for _, c := range "0123456789+-._:=<~ abcdefABCDEFxXoOtTzZinNIyY" {
		set[c] = true
	}
	return set
}()

// What the library answered, of up to mostAsked texts.
var (
	asked      sync.Map
	askedCount atomic.Int64
)

const mostAsked = 4096

// compareKeys orders keys as the library does: letters after everything else, and
// numbers in them by what they count.
func compareKeys(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		switch {
		case isLetter(x) && isLetter(y):
			return cmp.Compare(x, y)
		case isLetter(x):
			return 1
		case isLetter(y):
			return -1
		}
		// Zeros in front count for nothing, but those within a number do.
		within := (x == '0' || y == '0') && isWithin(a[:i])
		m, mDigits := leadingNumber(a[i:], within)
		n, nDigits := leadingNumber(b[i:], within)
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(mDigits, nDigits), cmp.Compare(x, y))
	}
	return cmp.Compare(len(a), len(b))
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWithin reports whether a text ends in a number other than 0.
func isWithin(text string) bool {
	for i := len(text) - 1; i >= 0 && isDigit(text[i]); i-- {
		if text[i] != '0' {
			return true
		}
	}
	return false
}

// leadingNumber returns the number that a text begins with, as the end of a longer one
// if it stands within it, and how many digits it has.
func leadingNumber(text string, within bool) (n int64, digits int) {
	if within {
		n = 1
	}
	for digits < len(text) && isDigit(text[digits]) {
		n = n*10 + int64(text[digits]-'0')
		digits++
	}
	return n, digits
}
