package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// factor is a switch: a path of the values and what it can be set to. The first
// level is its default.
type factor struct {
	path   []string
	levels []any
	// make makes the levels up, once they are asked for; most searches end before
	// they need them all.
	make     func() []any
	approval bool
}

// at returns the levels of the n-th switch. One that has nothing to choose from
// has fewer than two.
func (m *maker) at(n int) []any {
	f := &m.factors[n]
	if f.make != nil {
		f.levels, f.make = f.make(), nil
	}
	return f.levels
}

// makeAll makes all levels up, and leaves only switches that have a choice.
func (m *maker) makeAll() {
	var chosen []factor
	for n := range m.factors {
		if len(m.at(n)) > 1 {
			chosen = append(chosen, m.factors[n])
		}
	}
	m.factors = chosen
	slices.SortFunc(m.unknown, func(a, b Unknown) int { return strings.Compare(a.Path, b.Path) })
	m.unknown = slices.Compact(m.unknown)
}

// String returns the switch with what it is set to.
func (f factor) String(setting any) string {
	text, err := json.Marshal(setting)
	if err != nil {
		text = []byte("?")
	}
	const most = 40
	if len(text) > most {
		text = append(text[:most], "..."...)
	}
	return strings.Join(f.path, ".") + "=" + string(text)
}

// maker makes values of types up.
type maker struct {
	chart   string
	release cue.Value
	factors []factor
	unknown []Unknown
}

// table adds the switches of a struct.
func (m *maker) table(v cue.Value, path []string) {
	for _, f := range fieldsOf(v) {
		below := slices.Concat(path, []string{f.name})
		if f.optional {
			m.add(below, func() []any { return append([]any{nil}, m.all(f.value, below)...) })
			continue
		}
		m.field(f.value, below)
	}
	if elem, ok := anyField(v); ok {
		m.add(path, func() []any {
			levels := []any{map[string]any{}}
			for _, made := range m.all(elem, append(path[:len(path):len(path)], AnyKey)) {
				levels = append(levels, map[string]any{exampleKey(v): made})
			}
			return levels
		})
	}
}

func (m *maker) field(v cue.Value, path []string) {
	if v.IncompleteKind() == cue.StructKind && len(arms(v)) == 1 {
		m.table(v, path)
		return
	}
	m.add(path, func() []any { return m.levels(v, path) })
}

func (m *maker) add(path []string, levels func() []any) {
	m.factors = append(m.factors, factor{path: path, make: levels})
}

// levels returns what a field can be set to, its default first.
func (m *maker) levels(v cue.Value, path []string) []any {
	var levels []any
	add := func(made any) {
		if !slices.ContainsFunc(levels, func(old any) bool { return same(old, made) }) && accepts(v, made) {
			levels = append(levels, made)
		}
	}
	if d, ok := v.Default(); ok {
		var made any
		if d.Decode(&made) == nil {
			levels = append(levels, made)
		}
	}
	if v.IncompleteKind() == cue.ListKind {
		add([]any{})
		elem := v.LookupPath(cue.MakePath(cue.AnyIndex))
		if elem.Exists() {
			for _, made := range m.all(elem, append(path, Element)) {
				add([]any{made})
			}
		}
		return levels
	}
	for _, arm := range arms(v) {
		kind := arm.IncompleteKind()
		switch {
		case arm.IsConcrete() && kind != cue.StructKind:
			var made any
			if arm.Decode(&made) == nil {
				add(made)
			}
		case kind == cue.BoolKind:
			add(false)
			add(true)
		case kind == cue.StructKind:
			for _, made := range m.all(arm, path) {
				add(made)
			}
		default:
			for _, made := range m.scalars(v, arm, kind) {
				add(made)
			}
		}
	}
	concrete := len(arms(v)) == 1 && v.IsConcrete()
	if len(levels) == 0 || len(levels) == 1 && levels[0] == "" && !concrete {
		m.unknown = append(m.unknown, Unknown{strings.Join(path, "."), place(v)})
	}
	return levels
}

// scalars returns texts or numbers that may be of the type: whether they are is
// for the caller to see.
func (m *maker) scalars(v, arm cue.Value, kind cue.Kind) []any {
	switch {
	case kind&cue.StringKind != 0:
		if accepts(v, "") {
			if text, ok := exampleText(v, arm); ok {
				return []any{"", text}
			}
			return []any{""}
		}
		// Quantities are bound to each other, and no template asks which one it is.
		d, _ := v.Default()
		if was, _ := d.String(); was != "" && was[0] >= '0' && was[0] <= '9' {
			return nil
		}
		if text, ok := exampleText(v, arm); ok {
			return []any{text}
		}
		return nil
	case kind&cue.NumberKind != 0:
		if accepts(v, 0) {
			for _, n := range numbers(arm) {
				if n != 0 && accepts(v, n) {
					return []any{0, n}
				}
			}
			return []any{0}
		}
		for _, n := range numbers(arm) {
			if accepts(v, n) {
				return []any{n}
			}
		}
	}
	return nil
}

// all returns values of the type of an element such that each setting of each of
// its switches is in one of them.
func (m *maker) all(v cue.Value, path []string) []any {
	most := 1
	inner := &maker{}
	inner.field(v, path)
	inner.makeAll()
	for _, f := range inner.factors {
		most = max(most, len(f.levels))
	}
	var made []any
	for n := range most {
		if v, ok := m.make(v, path, n); ok {
			made = append(made, v)
		}
	}
	return made
}

// make returns a value of the type with every switch at the n-th of its levels.
func (m *maker) make(v cue.Value, path []string, n int) (any, bool) {
	if v.IncompleteKind() != cue.StructKind || len(arms(v)) > 1 {
		levels := m.levels(v, path)
		if len(levels) == 0 {
			return nil, false
		}
		return levels[n%len(levels)], true
	}
	made := map[string]any{}
	for _, f := range fieldsOf(v) {
		if f.optional && n == 0 {
			continue
		}
		if elem, ok := m.make(f.value, append(path[:len(path):len(path)], f.name), n); ok {
			made[f.name] = elem
		}
	}
	if elem, ok := anyField(v); ok && n > 0 {
		if elem, ok := m.make(elem, append(path[:len(path):len(path)], AnyKey), n-1); ok {
			made[exampleKey(v)] = elem
		}
	}
	return made, accepts(v, made)
}

func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// accepts reports whether the type takes a value.
func accepts(v cue.Value, made any) bool {
	return v.FillPath(cue.Path{}, made).Validate(cue.Concrete(true)) == nil
}

// place returns where the contract defines a field.
func place(v cue.Value) finding.Position {
	if field, ok := v.Source().(*ast.Field); ok && field.Pos().IsValid() {
		pos := field.Label.Pos()
		return finding.Position{File: strings.TrimPrefix(pos.Filename(), "/"), Line: pos.Line(), Column: pos.Column()}
	}
	if origins := environment.Origins(v); len(origins) > 0 {
		return origins[0].Label
	}
	return finding.Position{}
}

// String returns the field with its place.
func (u Unknown) String() string { return fmt.Sprintf("%s: %s", u.Position, u.Path) }
