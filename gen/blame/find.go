package blame

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue"
)

// hit is where a field is written, and the values that decide it.
type hit struct {
	file  string
	at    spot
	reads [][]string
}

// find looks for the field at a path within lines of a body that is called with
// dot. If object is true, the field stands for the whole object.
func (c *templates) find(b *body, within span, dot value, path []string, object bool, calling []string) hit {
	r := c.read(b.root, dot, calling)
	h := hit{file: b.file, at: locate(b.lines, within, path)}
	if h.at.matched < len(path) {
		deeper, ok := c.below(b, r, h.at, path[h.at.matched:], calling)
		if !ok {
			return h // The template has no such field: it is the template's to change.
		}
		deeper.at.matched += h.at.matched
		if deeper.file == "" {
			deeper.file, deeper.at = h.file, h.at
		}
		return deeper
	}
	for _, a := range r.actions {
		if line := lineOf(b.text, a.offset); line == h.at.line || isBare(b, h.at, line) {
			h.reads = join(h.reads, a.value.reads)
		}
	}
	if len(h.reads) == 0 {
		h.reads = r.deciding(b, within, h.at, object)
	}
	return h
}

// below looks for the rest of a path in what actions write below a field: a
// named template that is included there, or a value that is written as it is.
func (c *templates) below(b *body, r *reader, at spot, rest, calling []string) (hit, bool) {
	for _, a := range r.actions {
		line := lineOf(b.text, a.offset)
		if at.matched > 0 && line != at.line && (line < at.block.from || line >= at.block.to || b.lines[line].at >= 0) {
			continue
		}
		for _, called := range a.calls {
			named := c.named[called.name]
			if named == nil || len(calling) > 20 {
				continue
			}
			h := c.find(named, named.span, called.dot, rest, false, append(calling[:len(calling):len(calling)], called.name))
			if h.at.matched >= len(rest) {
				return h, true
			}
		}
		if (line == at.line || isBare(b, at, line)) && at.matched > 0 && len(a.calls) == 0 && a.value.keys != nil {
			return hit{reads: [][]string{append(a.value.keys[:len(a.value.keys):len(a.value.keys)], rest...)}}, true
		}
	}
	return hit{}, false
}

// isBare reports whether a line, directly below a field, consists of an action
// that writes what the field holds.
func isBare(b *body, at spot, line int) bool {
	if line <= at.line || line >= at.block.to {
		return false
	}
	for i := at.line + 1; i <= line; i++ {
		text := strings.TrimSpace(b.lines[i].text)
		if text != "" && !strings.HasPrefix(text, "{{") {
			return false
		}
	}
	return true
}

// deciding returns what the innermost condition around a field reads. Conditions
// around the whole object decide whether there is one, and not what is in it.
func (r *reader) deciding(b *body, within span, at spot, object bool) [][]string {
	around := r.conditions(b, at.line, at.column)
	outer := 0
	if start := locate(b.lines, within, []string{"kind"}); start.matched > 0 && !object {
		outer = len(r.conditions(b, start.line, start.column))
	}
	for i := len(around) - 1; i >= outer; i-- {
		if len(around[i].reads) > 0 {
			return around[i].reads
		}
	}
	return nil
}

// conditions returns those around a place, the outermost first.
func (r *reader) conditions(b *body, line, column int) []condition {
	offset := column
	for i, l := range strings.SplitAfter(b.text, "\n") {
		if i == line {
			break
		}
		offset += len(l)
	}
	for _, t := range r.texts {
		if t.from <= offset && offset < t.to {
			return t.conditions
		}
	}
	return nil
}

// elementOf returns the element of a list that was found as it is.
func elementOf(list cue.Value, found any) (cue.Value, bool) {
	if list.IncompleteKind() != cue.ListKind || found == nil {
		return cue.Value{}, false
	}
	elems, err := list.List()
	if err != nil {
		return cue.Value{}, false
	}
	for elems.Next() {
		if text, ok := plain(elems.Value()); ok && text == fmt.Sprint(found) {
			return elems.Value(), true
		}
	}
	return cue.Value{}, false
}

// isIn reports whether a value stands in what was found.
func isIn(v cue.Value, found any) bool {
	text, ok := plain(v)
	switch found.(type) {
	case nil, map[string]any, []any:
		return false
	}
	return ok && text != "" && strings.Contains(fmt.Sprint(found), text)
}

// plain returns a text, number or boolean as people write it.
func plain(v cue.Value) (string, bool) {
	switch v.Kind() {
	case cue.StringKind:
		text, err := v.String()
		return text, err == nil
	case cue.IntKind, cue.FloatKind, cue.BoolKind:
		return fmt.Sprint(v), true
	}
	return "", false
}
