package document

import (
	"strconv"
	"strings"

	plain "sigs.k8s.io/yaml/goyaml.v2"
)

// reader reads blocks of YAML as charts write them: maps and lists by indent, texts
// bare, quoted and literal, and lists and maps in brackets on one line. Whatever else
// there is, and all that is wrong or there twice, it leaves to the library.
type reader struct {
	text    string
	numbers Numbers
	depth   int

	// The line that is next: where what stands on it starts and ends, and the column
	// of its start, -1 after the last line. Blank lines and comments are none.
	start, end, column int
}

// deepestRead is how deep a tree may be.
const deepestRead = 100

// read returns the map in a document; ok is false if it is the library's to read.
func read(text []byte, numbers Numbers) (table map[string]any, ok bool) {
	r := &reader{text: string(text), numbers: numbers}
	if !isPlain(r.text) || strings.IndexByte(r.text, '\t') >= 0 {
		return nil, false
	}
	r.lineAt(0)
	if r.column < 0 {
		return nil, true
	}
	tree, ok := r.block()
	if !ok || r.column >= 0 {
		return nil, false
	}
	table, ok = tree.(map[string]any)
	return table, ok
}

// lineAt makes the first line from a position on, which starts a line, the next.
func (r *reader) lineAt(at int) {
	for at < len(r.text) {
		end := len(r.text)
		if length := strings.IndexByte(r.text[at:], '\n'); length >= 0 {
			end = at + length
		}
		start := at
		for start < end && r.text[start] == ' ' {
			start++
		}
		if start < end && r.text[start] != '#' {
			r.start, r.end, r.column = start, end, start-at
			return
		}
		at = end + 1
	}
	r.start, r.end, r.column = len(r.text), len(r.text), -1
}

// advance goes to the line after this one.
func (r *reader) advance() { r.lineAt(r.end + 1) }

// block reads the map or list whose first line is next.
func (r *reader) block() (any, bool) {
	if r.depth++; r.depth > deepestRead {
		return nil, false
	}
	defer func() { r.depth-- }()
	if r.isItem() {
		return r.list(r.column)
	}
	return r.table(r.column)
}

// isItem reports whether the next line starts with the dash of a list.
func (r *reader) isItem() bool {
	return r.text[r.start] == '-' && (r.start+1 == r.end || r.text[r.start+1] == ' ')
}

// table reads a map whose keys stand in a column.
func (r *reader) table(column int) (any, bool) {
	table := map[string]any{}
	for r.column == column && !r.isItem() {
		key, after, ok := readKey(r.text[r.start:r.end], false)
		if !ok {
			return nil, false
		}
		if _, twice := table[key]; twice {
			return nil, false
		}
		if table[key], ok = r.value(r.text[r.start+after:r.end], column, true); !ok {
			return nil, false
		}
	}
	return table, r.column < column
}

// list reads a list whose dashes stand in a column.
func (r *reader) list(column int) (any, bool) {
	list := []any{}
	for r.column == column && r.isItem() {
		at := r.start + 1
		for at < r.end && r.text[at] == ' ' {
			at++
		}
		rest := r.text[at:r.end]
		var elem any
		_, _, ok := readKey(rest, false)
		if ok || strings.HasPrefix(rest, "- ") || rest == "-" {
			r.column += at - r.start
			r.start = at
			elem, ok = r.block()
		} else {
			elem, ok = r.value(rest, column, false)
		}
		if !ok {
			return nil, false
		}
		list = append(list, elem)
	}
	// A list may stand in the column of the key that it belongs to.
	return list, r.column <= column
}

// value reads what follows a key or a dash in the given column, and goes on to the
// line after it.
func (r *reader) value(rest string, column int, ofKey bool) (any, bool) {
	rest = strings.Trim(rest, " ")
	if rest == "" || rest[0] == '#' {
		r.advance()
		if r.column > column || ofKey && r.column == column && r.isItem() {
			return r.block()
		}
		return nil, true
	}
	switch rest[0] {
	case '|':
		return r.literal(rest, column)
	case '"', '\'':
		text, after, ok := readQuoted(rest)
		if !ok || !isEnd(rest[after:]) {
			return nil, false
		}
		r.advance()
		return text, r.column <= column
	case '[', '{':
		value, after, ok := r.bracket(rest, 0)
		if !ok || !isEnd(rest[after:]) {
			return nil, false
		}
		r.advance()
		return value, r.column <= column
	}
	return r.bare(rest, column)
}

// isEnd reports whether nothing follows on a line but a comment.
func isEnd(rest string) bool {
	trimmed := strings.TrimLeft(rest, " ")
	return trimmed == "" || trimmed[0] == '#' && len(trimmed) < len(rest)
}

// bare reads a value without quotes, which may go on over several lines.
func (r *reader) bare(rest string, column int) (any, bool) {
	text, commented, ok := bareWords(rest)
	if !ok {
		return nil, false
	}
	// Lines that are blank or comments end up here as if they were not there; then
	// they are the library's, as the next line does not follow on this one.
	last := r.end
	r.advance()
	if r.column <= column {
		return r.scalar(text)
	}
	var whole strings.Builder
	whole.WriteString(text)
	for r.column > column {
		if commented || r.start-r.column != last+1 || r.isItem() {
			return nil, false
		}
		text, commented, ok = bareWords(strings.TrimRight(r.text[r.start:r.end], " "))
		if !ok {
			return nil, false
		}
		whole.WriteByte(' ')
		whole.WriteString(text)
		last = r.end
		r.advance()
	}
	return r.scalar(whole.String())
}

// bareWords returns the words of a line without quotes, up to a comment.
func bareWords(line string) (words string, commented, ok bool) {
	if i := strings.Index(line, " #"); i >= 0 {
		line, commented = strings.TrimRight(line[:i], " "), true
	}
	if line == "" || strings.HasSuffix(line, ":") || strings.Contains(line, ": ") {
		return "", false, false
	}
	switch c := line[0]; {
	case strings.IndexByte(",[]{}&*!|>'\"%@`#", c) >= 0:
		return "", false, false
	case (c == '-' || c == '?' || c == ':') && (len(line) == 1 || line[1] == ' '):
		return "", false, false
	}
	return line, commented, true
}

// scalar returns what words without quotes mean.
func (r *reader) scalar(words string) (any, bool) {
	if isText(words) {
		return words, true
	}
	switch words {
	case "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON":
		return true, true
	case "false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF":
		return false, true
	case "null", "Null", "NULL", "~":
		return nil, true
	}
	if n, err := strconv.ParseInt(words, 10, 64); err == nil && strconv.FormatInt(n, 10) == words {
		return number(n, r.numbers)
	}
	var found any // An octal number, a fraction, a date.
	if err := plain.Unmarshal([]byte(words), &found); err != nil {
		return nil, false
	}
	return decoded(found, r.numbers)
}

// literal reads a text that stands as it is on lines of its own, below a key or dash
// in the given column.
func (r *reader) literal(header string, column int) (any, bool) {
	if header != "|" && header != "|-" && header != "|+" {
		return nil, false
	}
	var text strings.Builder
	indent, blanks, at := -1, 0, r.end+1
	for at < len(r.text) {
		length := strings.IndexByte(r.text[at:], '\n')
		if length < 0 {
			return nil, false // A last line that does not end is rare.
		}
		end := at + length
		line := r.text[at:end]
		content := strings.TrimLeft(line, " ")
		spaces := len(line) - len(content)
		if content == "" && (indent < 0 || spaces <= indent) {
			if indent < 0 && spaces > 0 {
				return nil, false // It may be further in than the first line.
			}
			blanks++
			at = end + 1
			continue
		}
		if indent < 0 {
			if spaces <= column {
				break
			}
			indent = spaces
		}
		if spaces < indent {
			break
		}
		for range blanks {
			text.WriteByte('\n')
		}
		blanks = 0
		text.WriteString(line[indent:])
		text.WriteByte('\n')
		at = end + 1
	}
	r.lineAt(at)
	if r.column > column {
		return nil, false
	}
	value := text.String()
	switch header {
	case "|-":
		value = strings.TrimSuffix(value, "\n")
	case "|+":
		value += strings.Repeat("\n", blanks)
	}
	return value, true
}

// readKey reads a key and its colon at the start of a line, and returns what it is and
// where what follows starts. In brackets that may be right behind the colon of a key in
// quotes, as JSON has it.
func readKey(line string, inBrackets bool) (key string, after int, ok bool) {
	if line == "" {
		return "", 0, false
	}
	end := 0
	if line[0] == '"' || line[0] == '\'' {
		if key, end, ok = readQuoted(line); !ok {
			return "", 0, false
		}
	} else {
		for end < len(line) && ofKeys[line[end]] {
			end++
		}
		if end == 0 || line[0] == '-' || !isText(line[:end]) {
			return "", 0, false
		}
		key = line[:end]
	}
	if end > longestKey || end == len(line) || line[end] != ':' {
		return "", 0, false
	}
	asJSON := inBrackets && (line[0] == '"' || line[0] == '\'')
	if end+1 < len(line) && line[end+1] != ' ' && !asJSON {
		return "", 0, false
	}
	return key, end + 1, true
}

// ofKeys are the characters of keys without quotes.
var ofKeys = func() (set [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./" {
		set[c] = true
	}
	return set
}()

// readQuoted reads a text in quotes that ends on its line, and returns where what
// follows starts.
func readQuoted(line string) (text string, after int, ok bool) {
	quote := line[0]
	closing := strings.IndexByte(line[1:], quote) + 1
	if closing == 0 {
		return "", 0, false
	}
	if strings.IndexByte(line[:closing], '\\') < 0 && (quote == '"' || closing+1 == len(line) || line[closing+1] != '\'') {
		return line[1:closing], closing + 1, true
	}
	var unquoted strings.Builder
	for i := 1; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
		case c == quote:
			return unquoted.String(), i + 1, true
		case c == '\\' && quote == '"':
			i++
			if i == len(line) {
				return "", 0, false
			}
			switch line[i] {
			case '"', '\\':
				c = line[i]
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			default:
				return "", 0, false
			}
		}
		unquoted.WriteByte(c)
	}
	return "", 0, false
}

// bracket reads a list or a map in brackets from a position of a line, and returns
// where what follows starts.
func (r *reader) bracket(line string, at int) (value any, after int, ok bool) {
	if r.depth++; r.depth > deepestRead {
		return nil, 0, false
	}
	defer func() { r.depth-- }()
	isTable := line[at] == '{'
	table, list := map[string]any{}, []any{}
	at = skipBlanks(line, at+1)
	for first := true; ; first = false {
		if at == len(line) {
			return nil, 0, false
		}
		if first && (line[at] == ']' || line[at] == '}') {
			break
		}
		var key string
		if isTable {
			if key, after, ok = readKey(line[at:], true); !ok || at+after == len(line) {
				return nil, 0, false
			}
			if _, twice := table[key]; twice {
				return nil, 0, false
			}
			at = skipBlanks(line, at+after)
		}
		var elem any
		if elem, at, ok = r.bracketed(line, at); !ok {
			return nil, 0, false
		}
		if isTable {
			table[key] = elem
		} else {
			list = append(list, elem)
		}
		at = skipBlanks(line, at)
		if at == len(line) {
			return nil, 0, false
		}
		if line[at] != ',' {
			break
		}
		at = skipBlanks(line, at+1)
	}
	switch {
	case isTable && line[at] == '}':
		return table, at + 1, true
	case !isTable && line[at] == ']':
		return list, at + 1, true
	}
	return nil, 0, false
}

// bracketed reads an element of a list or map in brackets.
func (r *reader) bracketed(line string, at int) (value any, after int, ok bool) {
	if at == len(line) {
		return nil, 0, false
	}
	switch line[at] {
	case '[', '{':
		return r.bracket(line, at)
	case '"', '\'':
		text, length, ok := readQuoted(line[at:])
		return text, at + length, ok
	}
	end := at
	for end < len(line) && ofKeys[line[end]] {
		end++
	}
	if end == at || end == len(line) || line[at] == '-' || strings.IndexByte(",]} ", line[end]) < 0 {
		return nil, 0, false
	}
	value, ok = r.scalar(line[at:end])
	return value, end, ok
}

func skipBlanks(line string, at int) int {
	for at < len(line) && line[at] == ' ' {
		at++
	}
	return at
}
