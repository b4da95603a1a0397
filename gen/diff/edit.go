package diff

import (
	"maps"
	"slices"
	"strconv"
)

// edit is one field that changed.
type edit struct {
	path   steps
	change Change
	// before and after are as in the object, what is secret hidden.
	before, after any
	// from and to are the field's path in the object before and after, with list
	// indices in decimal. That of an added field ends, in from, with its place in
	// the new list.
	from, to []string
	// order says that only the order of a list's items changed.
	order bool
}

// walker goes through an object before and after, side by side.
type walker struct{ edits []edit }

// edits returns what changes between two objects, ordered by path.
func edits(root *place, before, after map[string]any) []edit {
	var w walker
	w.value(root, spot{}, before, after)
	slices.SortStableFunc(w.edits, func(a, b edit) int { return comparePaths(a.path.String(), b.path.String()) })
	return w.edits
}

// spot is where the walker stands.
type spot struct {
	path     steps
	from, to []string
}

func (s spot) field(name string) spot {
	return spot{s.path.field(name), append(slices.Clip(s.from), name), append(slices.Clip(s.to), name)}
}

func (s spot) item(name string, from, to int) spot {
	return spot{s.path.in(name), append(slices.Clip(s.from), strconv.Itoa(from)), append(slices.Clip(s.to), strconv.Itoa(to))}
}

func (w *walker) report(at spot, change Change, before, after any) {
	if b, ok := before.(*hidden); ok {
		if a, ok := after.(*hidden); ok && a.sum != b.sum {
			a.changed = a.shown == b.shown
		}
	}
	w.edits = append(w.edits, edit{path: at.path, change: change, before: before, after: after, from: at.from, to: at.to})
}

// equal reports whether two values are the same to the letter.
func equal(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}

// value compares what stands at one place.
func (w *walker) value(p *place, at spot, before, after any) {
	if equal(before, after) {
		return
	}
	if b, ok := before.(map[string]any); ok {
		if a, ok := after.(map[string]any); ok {
			w.structs(p, at, b, a)
			return
		}
	}
	if b, ok := before.([]any); ok && len(b) > 0 {
		if a, ok := after.([]any); ok && len(a) > 0 {
			w.list(p, at, b, a)
			return
		}
	}
	x, y := canon(p, before), canon(p, after)
	if x == y {
		return
	}
	switch {
	case x == "":
		w.report(at, Added, nil, after)
		return
	case y == "":
		w.report(at, Removed, before, nil)
		return
	}
	w.report(at, Changed, before, after)
}

// structs compares two structs. A struct that is as good as missing and there all the
// same has fields that changed, if it has any.
func (w *walker) structs(p *place, at spot, before, after map[string]any) {
	x, y := isVacant(p, before), isVacant(p, after)
	switch {
	case x && y:
	case x && len(before) == 0:
		w.report(at, Added, nil, after)
	case y && len(after) == 0:
		w.report(at, Removed, before, nil)
	default:
		w.fields(p, at, before, after)
	}
}

func (w *walker) fields(p *place, at spot, before, after map[string]any) {
	for _, name := range namesOf(before, after) {
		if equal(before[name], after[name]) {
			continue // Most are, and it is quick to see.
		}
		if hasFallback(p, before, name) || hasFallback(p, after, name) {
			if canonField(p, before, name) == canonField(p, after, name) {
				continue
			}
		}
		w.value(p.field(name), at.field(name), before[name], after[name])
	}
}

// namesOf returns the names of the fields of two structs, ordered.
func namesOf(before, after map[string]any) []string {
	names := make([]string, 0, len(before)+1)
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (w *walker) list(p *place, at spot, before, after []any) {
	kind, keys, ordered := aligned(p, before, after)
	switch kind {
	case byKey:
		w.byKey(p, at, before, after, keys, ordered)
	case byValue:
		w.byValue(p, at, before, after, ordered)
	default:
		w.sequence(p, at, before, after)
	}
}

func (w *walker) byKey(p *place, at spot, before, after []any, keys []string, ordered bool) {
	index := func(list []any) (names []string, at map[string]int) {
		at = map[string]int{}
		for i, item := range list {
			name := keyOf(p, item.(map[string]any), keys)
			names, at[name] = append(names, name), i
		}
		return names, at
	}
	oldNames, old := index(before)
	newNames, now := index(after)
	for i, name := range oldNames {
		j, kept := now[name]
		if !kept {
			w.report(at.item(name, i, i), Removed, before[i], nil)
			continue
		}
		w.item(p.item(), at.item(name, i, j), before[i], after[j])
	}
	for j, name := range newNames {
		if _, was := old[name]; !was {
			w.report(at.item(name, j, j), Added, nil, after[j])
		}
	}
	if !ordered {
		return
	}
	gone := func(in map[string]int) func(string) bool {
		return func(name string) bool { _, ok := in[name]; return !ok }
	}
	if !slices.Equal(slices.DeleteFunc(slices.Clone(oldNames), gone(now)), slices.DeleteFunc(slices.Clone(newNames), gone(old))) {
		w.order(at, texts(oldNames), texts(newNames))
	}
}

func texts(names []string) []any {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list
}

// order reports that items which stay are in another order.
func (w *walker) order(at spot, before, after []any) {
	w.edits = append(w.edits, edit{path: at.path, change: Changed, before: before, after: after, from: at.from, to: at.to, order: true})
}
