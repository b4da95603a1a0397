package diff

import (
	"cmp"
	"strconv"
	"strings"
)

// step is one element of a field's path: a name, or an item of a list in brackets.
type step struct {
	name string
	item string
}

// steps are a field's path.
type steps []step

func (s steps) field(name string) steps { return append(s[:len(s):len(s)], step{name: name}) }

func (s steps) in(item string) steps { return append(s[:len(s):len(s)], step{item: item}) }

// String writes the path as people read it:
//
//	spec.template.spec.containers[name=service].args[2]
//	metadata.annotations["argocd.argoproj.io/sync-wave"]
//	spec.accessModes[=ReadWriteOnce]
func (s steps) String() string {
	var text strings.Builder
	for _, step := range s {
		switch {
		case step.item != "":
			text.WriteString("[" + step.item + "]")
		case isPlain(step.name):
			if text.Len() > 0 {
				text.WriteByte('.')
			}
			text.WriteString(step.name)
		default:
			text.WriteString("[" + strconv.Quote(step.name) + "]")
		}
	}
	return text.String()
}

// names are the names of the path without the items of lists, with dots between:
// what a field is, wherever it stands.
func (s steps) names() string {
	var names []string
	for _, step := range s {
		if step.item == "" {
			names = append(names, step.name)
		}
	}
	return strings.Join(names, ".")
}

func isPlain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

func quoteKey(text string) string {
	if text == "" || strings.ContainsAny(text, `]["=,`) || strings.TrimSpace(text) != text || strings.Contains(text, "\n") {
		return strconv.Quote(text)
	}
	return text
}

// comparePaths orders paths as people do, 2 before 10.
func comparePaths(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		dx, dy := digits(x), digits(y)
		if dx != "" && dy != "" {
			n, _ := strconv.Atoi(dx)
			m, _ := strconv.Atoi(dy)
			if n != m {
				return cmp.Compare(n, m)
			}
			x, y = x[len(dx):], y[len(dy):]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

func digits(text string) string {
	n := 0
	for n < len(text) && n < 9 && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return text[:n]
}
