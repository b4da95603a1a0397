package environment

import (
	"strconv"
	"strings"
	"unicode"

	"cuelang.org/go/cue"
)

// Find returns the value at a path below v, or of the nearest struct or list
// around it if there is none, with the path of what was found. List indices are
// in decimal.
func Find(v cue.Value, path []string) (found cue.Value, at []string) {
	for i, name := range path {
		var next cue.Value
		if n, err := strconv.Atoi(name); err == nil && v.IncompleteKind() == cue.ListKind {
			next = v.LookupPath(cue.MakePath(cue.Index(n)))
		} else {
			next = v.LookupPath(cue.MakePath(cue.Str(name)))
		}
		if !next.Exists() {
			return v, path[:i]
		}
		v = next
	}
	return v, path
}

// SplitPath splits a path as CUE and people write it, such as
// releases.web.values.ingress.hosts[0], into its names and indices.
func SplitPath(path string) []string {
	var parts []string
	for i, part := range strings.Split(path, `"`) {
		if i%2 == 1 { // A name in quotes, which may have dots.
			parts = append(parts, part)
			continue
		}
		parts = append(parts, strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(".[]", r) })...)
	}
	return parts
}

// JoinPath writes names and indices as one path, as [SplitPath] reads it. A name with
// a dash stands as it is, so that a release is written as it is called; one with a
// dot or the like is in quotes.
func JoinPath(path []string) string {
	var text strings.Builder
	for i, name := range path {
		if _, err := strconv.Atoi(name); err == nil {
			text.WriteString("[" + name + "]")
			continue
		}
		if i > 0 {
			text.WriteByte('.')
		}
		if name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return r != '-' && r != '_' && r != '#' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}) {
			name = `"` + name + `"`
		}
		text.WriteString(name)
	}
	return text.String()
}

// PathOf returns the names and indices that lead to a value from its root.
func PathOf(v cue.Value) []string {
	var path []string
	for _, selector := range v.Path().Selectors() {
		if selector.LabelType() == cue.StringLabel {
			path = append(path, selector.Unquoted())
			continue
		}
		path = append(path, selector.String())
	}
	return path
}
