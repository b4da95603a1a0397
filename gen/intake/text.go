package intake

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	yaml "sigs.k8s.io/yaml/goyaml.v3"
)

// writer writes values as CUE, with the comments of the YAML that they come from. It
// indents as people do; cue fmt has the last word.
type writer struct {
	strings.Builder
	// asDefault writes each value as one that an environment can override.
	asDefault bool
	// hide replaces texts that are not to be shown.
	hide func(key, text string) bool
}

// longestLine is the length up to which a list stands on one line.
const longestLine = 80

// table writes the fields of a table, a line or more each.
func (w *writer) table(t *table, depth int) {
	for _, key := range t.keys {
		w.entry(key, t.fields[key], depth)
	}
}

func (w *writer) entry(key string, e *entry, depth int) {
	indent := strings.Repeat("\t", depth)
	labels := label(key) + ": "
	// What holds one field only goes on one line with it: a: b: 1
	c := e.comments
	for e.table != nil && len(e.table.keys) == 1 && c.line == "" {
		key = e.table.keys[0]
		below := e.table.fields[key]
		if below.comments.head != "" {
			break
		}
		labels += label(key) + ": "
		e = below
		c.line, c.foot = e.comments.line, joinLines(e.comments.foot, c.foot)
	}
	w.comment(c.head, indent)
	var text string
	switch {
	case e.table == nil:
		text = w.value(key, e.value, e.yaml, depth)
		if w.asDefault {
			text = "_ | *" + text
		}
	case len(e.table.keys) == 0:
		text = "{}"
	default:
		if c.line != "" {
			w.comment(c.line, indent)
		}
		w.WriteString(indent + labels + "{\n")
		w.table(e.table, depth+1)
		w.WriteString(indent + "}\n")
		w.foot(c.foot, indent)
		return
	}
	if c.line != "" && strings.ContainsAny(text+c.line, "\n") {
		w.comment(c.line, indent)
		c.line = ""
	}
	w.WriteString(indent + labels + text)
	if c.line != "" {
		w.WriteString(" " + strings.TrimSpace(commentText(c.line, "")))
	}
	w.WriteString("\n")
	w.foot(c.foot, indent)
}

// foot writes a comment that stands below a value, apart from what follows.
func (w *writer) foot(text, indent string) {
	if text = commentText(text, indent); text != "" {
		w.WriteString("\n" + text + "\n")
	}
}

// comment writes a comment on lines of its own.
func (w *writer) comment(text, indent string) { w.WriteString(commentText(text, indent)) }

// commentText turns a comment of YAML into one of CUE.
func commentText(text, indent string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		line = strings.TrimLeft(strings.TrimSpace(line), "#")
		if !isComment(line) {
			continue
		}
		out.WriteString(strings.TrimRight(indent+"//"+line, " ") + "\n")
	}
	return out.String()
}

// isComment reports whether CUE can have the text in a comment.
func isComment(line string) bool {
	return !strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == '\uFEFF' || r == '\uFFFD' })
}

// value returns a value as CUE; key is the nearest around it.
func (w *writer) value(key string, v any, n *yaml.Node, depth int) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return number(v)
	case string:
		if w.hide != nil && w.hide(key, v) {
			v = "(hidden)"
		}
		return literal.String.WithOptionalTabIndent(depth).Quote(v)
	case []any:
		return w.list(key, v, resolve(n), depth)
	case map[string]any:
		t := tableOf(v, n, "")
		if len(t.keys) == 0 {
			return "{}"
		}
		if line, ok := w.line(t); ok {
			return line
		}
		inner := &writer{hide: w.hide}
		inner.table(t, depth+1)
		return "{\n" + inner.String() + strings.Repeat("\t", depth) + "}"
	}
	panic(fmt.Sprintf("Helm reads no value of type %T", v))
}

// line returns a table on one line, if it is short and has no comments.
func (w *writer) line(t *table) (string, bool) {
	var parts []string
	for _, key := range t.keys {
		e := t.fields[key]
		if _, isList := e.value.([]any); isList || e.table != nil || e.comments != (comments{}) {
			return "", false
		}
		parts = append(parts, label(key)+": "+w.value(key, e.value, nil, 0))
	}
	line := "{" + strings.Join(parts, ", ") + "}"
	return line, len(line) <= longestLine && !strings.Contains(line, "\n")
}

func (w *writer) list(key string, list []any, n *yaml.Node, depth int) string {
	var nodes []*yaml.Node
	if n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == len(list) {
		nodes = n.Content
	}
	short := true
	for i, item := range list {
		switch item.(type) {
		case []any, map[string]any:
			short = false
		}
		if nodes != nil && nodes[i].HeadComment+nodes[i].LineComment+nodes[i].FootComment != "" {
			short = false
		}
	}
	if short {
		var items []string
		for _, item := range list {
			items = append(items, w.value(key, item, nil, depth))
		}
		line := "[" + strings.Join(items, ", ") + "]"
		if len(line) <= longestLine && !strings.Contains(line, "\n") {
			return line
		}
	}
	var out strings.Builder
	indent := strings.Repeat("\t", depth+1)
	out.WriteString("[\n")
	for i, item := range list {
		var at *yaml.Node
		var line string
		if nodes != nil {
			at = nodes[i]
			out.WriteString(commentText(at.HeadComment, indent))
			line = at.LineComment
		}
		text := w.value(key, item, at, depth+1)
		if line != "" && strings.Contains(text+line, "\n") {
			out.WriteString(commentText(line, indent))
			line = ""
		}
		out.WriteString(indent + text + ",")
		if line != "" {
			out.WriteString(" " + strings.TrimSpace(commentText(line, "")))
		}
		out.WriteString("\n")
		if at != nil {
			out.WriteString(commentText(at.FootComment, indent))
		}
	}
	out.WriteString(strings.Repeat("\t", depth) + "]")
	return out.String()
}

// exact is the bound below which every integer is a float64, which is what Helm
// reads numbers as.
const exact = 1 << 53

func isInteger(v float64) bool { return v == math.Trunc(v) && math.Abs(v) < exact }

func number(v float64) string {
	if isInteger(v) {
		return strconv.FormatInt(int64(v), 10)
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// predeclared are names that a field must not take from what stands beside it: with
// a field string, the type string would be that field.
var predeclared = []string{
	"string", "int", "bool", "number", "bytes", "float", "null", "true", "false", "and", "or", "close", "len", "div", "mod", "quo", "rem",
	"error", "self", "list", "struct", "strings", "net", "time", "matchN", "matchIf", "regexp", "math", "uint", "rune",
}

// label returns a key as CUE writes it.
func label(key string) string {
	if ast.StringLabelNeedsQuoting(key) || slices.Contains(predeclared, key) {
		return literal.String.Quote(key)
	}
	return key
}

// formatted returns CUE as cue fmt writes it.
func formatted(text string) ([]byte, error) {
	out, err := format.Source([]byte(text), format.Simplify())
	if err != nil {
		return nil, fmt.Errorf("what is to be written is no CUE: %w", err)
	}
	return out, nil
}

func sorted[T any](m map[string]T) []string {
	return slices.SortedFunc(maps.Keys(m), cmp.Compare[string])
}

func quote(text string) string { return literal.String.Quote(text) }
