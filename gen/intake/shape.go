package intake

import (
	"regexp"
	"slices"
	"strings"
)

// shape is what is known of the type of one value: what the chart's defaults, the
// files and the templates show of it.
type shape struct {
	text, integer, number, boolean, null, list, table bool

	// items is the shape of all items of a list.
	items *shape
	keys  []string
	below map[string]*shape
	// ours tells that the chart names the value, and not only a file.
	ours bool
	// open tells that the table takes any key.
	open bool
	doc  string
}

func (s *shape) at(key string) *shape {
	if s.below == nil {
		s.below = map[string]*shape{}
	}
	if s.below[key] == nil {
		s.below[key] = &shape{}
		s.keys = append(s.keys, key)
	}
	return s.below[key]
}

// see adds a value, of the chart's defaults or of a file.
func (s *shape) see(e *entry, ours bool) {
	s.ours = s.ours || ours
	if ours && s.doc == "" {
		s.doc = docOf(e.comments)
	}
	if e.table != nil {
		s.table = true
		if ours && len(e.table.keys) == 0 {
			s.open = true
		}
		for _, key := range e.table.keys {
			s.at(key).see(e.table.fields[key], ours)
		}
		return
	}
	s.seeValue(e.value, ours)
}

func (s *shape) seeValue(v any, ours bool) {
	switch v := v.(type) {
	case nil:
		// The chart's own null means that there is no default.
		s.null = s.null || !ours
	case bool:
		s.boolean = true
	case string:
		s.text = true
	case float64:
		s.integer = s.integer || isInteger(v)
		s.number = s.number || !isInteger(v)
	case []any:
		s.list = true
		if s.items == nil {
			s.items = &shape{}
		}
		for _, item := range v {
			if _, isTable := item.(map[string]any); isTable {
				s.items.table = true
				continue
			}
			s.items.seeValue(item, false)
		}
	case map[string]any:
		s.table, s.open = true, true
	}
}

// read adds what a template reads.
func (s *shape) read(path []string) {
	for _, name := range path {
		if s.text || s.integer || s.number || s.boolean || s.list {
			return // It reads a part of what is no table, or asks whether it is one.
		}
		s.table = true
		s = s.at(name)
		s.ours = true
	}
}

// freeName matches maps that Kubernetes takes with any keys, and texts as values.
var freeName = regexp.MustCompile(`(?i)(annotations|labels|nodeSelector|matchLabels)$`)

// cue writes the type of a value.
func (s *shape) cue(w *strings.Builder, key string, depth int) {
	var kinds []string
	add := func(is bool, kind string) {
		if is {
			kinds = append(kinds, kind)
		}
	}
	add(s.null, "null")
	add(s.boolean, "bool")
	add(s.number, "number")
	add(s.integer && !s.number, "int")
	add(s.text, "string")
	add(s.list, "[..."+s.items.item()+"]")
	if !s.table {
		if len(kinds) == 0 || len(kinds) == 1 && s.null {
			w.WriteString("_")
			return
		}
		w.WriteString(strings.Join(kinds, " | "))
		return
	}
	for _, kind := range kinds {
		w.WriteString(kind + " | ")
	}
	s.structure(w, key, depth)
}

// item returns the type of a list's items, where all are of one kind.
func (s *shape) item() string {
	if s == nil || s.null || s.list {
		return ""
	}
	if s.table {
		if s.text || s.number || s.integer || s.boolean {
			return ""
		}
		return "{...}"
	}
	var w strings.Builder
	s.cue(&w, "", 0)
	if w.String() == "_" {
		return ""
	}
	if strings.Contains(w.String(), "|") {
		return "(" + w.String() + ")"
	}
	return w.String()
}

// onlyTexts reports whether all values of the table are texts.
func (s *shape) onlyTexts() bool {
	return !slices.ContainsFunc(s.keys, func(key string) bool {
		b := s.below[key]
		return b.boolean || b.number || b.integer || b.list || b.table || b.null
	})
}

func (s *shape) structure(w *strings.Builder, key string, depth int) {
	if freeName.MatchString(key) && s.onlyTexts() {
		if w.Len() > 0 { // Behind another kind.
			w.WriteString("{[string]: string}")
		} else {
			w.WriteString("[string]: string")
		}
		return
	}
	var known []string
	for _, name := range s.keys {
		if !s.open || s.below[name].ours {
			known = append(known, name)
		}
	}
	if len(known) == 0 {
		w.WriteString("{...}")
		return
	}
	w.WriteString("{\n")
	s.fields(w, known, depth+1)
	if s.open {
		w.WriteString(strings.Repeat("\t", depth+1) + "...\n")
	}
	w.WriteString(strings.Repeat("\t", depth) + "}")
}

func (s *shape) fields(w *strings.Builder, names []string, depth int) {
	for i, name := range names {
		b := s.below[name]
		if b.doc != "" {
			if i > 0 {
				w.WriteString("\n")
			}
			w.WriteString(commentText(b.doc, strings.Repeat("\t", depth)))
		}
		w.WriteString(strings.Repeat("\t", depth) + label(name) + "?: ")
		var inner strings.Builder
		b.cue(&inner, name, depth)
		w.WriteString(inner.String() + "\n")
	}
}

// free opens the table at a path, and all tables below.
func (s *shape) free(path []string) {
	for _, name := range path {
		if s.below[name] == nil {
			return
		}
		s = s.below[name]
	}
	s.freeAll()
}

func (s *shape) freeAll() {
	s.open = true
	for _, key := range s.keys {
		s.below[key].freeAll()
	}
}

var (
	helmDocs = regexp.MustCompile(`^--\s*(\([^)]*\)\s*)?`)
	bitnami  = regexp.MustCompile(`^@param\s+\S+\s+(\[[^\]]*\]\s*)?`)
	section  = regexp.MustCompile(`^@(section|skip|extra|ignored)\b|^-{3,}|^={3,}|^#{2,}`)
)

// docOf returns what a comment of a chart's values.yaml says about the value, without
// the marks of the tools that make tables of them. What is commented out is not
// about the value.
func docOf(c comments) string {
	var lines []string
	for line := range strings.Lines(joinLines(c.head, c.line)) {
		line = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#"))
		switch {
		case section.MatchString(line):
			lines = nil
		case helmDocs.MatchString(line):
			lines = []string{helmDocs.ReplaceAllString(line, "")}
		case bitnami.MatchString(line):
			lines = []string{bitnami.ReplaceAllString(line, "")}
		case line == "":
			lines = nil // What stands apart is about more than this value.
		default:
			lines = append(lines, line)
		}
	}
	for i := range lines {
		lines[i] = "# " + lines[i]
	}
	return strings.Join(lines, "\n")
}
