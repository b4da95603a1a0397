package cases

import (
	"slices"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/finding"
)

// The elements of a path that stand for any key of a table and any element of a
// list.
const (
	AnyKey  = "*"
	Element = "[]"
)

// Field is a part of the type of a chart's values.
type Field struct {
	Name     string
	Path     []string
	Position finding.Position
	// Fields are those of a table, by the order of the contract. One named "*"
	// or "[]" stands for any key or element.
	Fields []*Field
	// Open tells that the contract allows anything below.
	Open bool
}

func (f *Field) add(v cue.Value) {
	kind := v.IncompleteKind()
	f.Open = f.Open || kind == cue.TopKind
	if all := arms(v); len(all) > 1 {
		for _, arm := range all {
			if arm.IncompleteKind()&(cue.StructKind|cue.ListKind) != 0 {
				f.add(arm)
			}
		}
		return
	}
	switch kind {
	case cue.StructKind:
		for _, named := range fieldsOf(v) {
			f.child(named.name, named.value)
		}
		if elem, ok := anyField(v); ok {
			f.child(AnyKey, elem)
		}
		f.Open = f.Open || len(f.Fields) == 0
	case cue.ListKind:
		if elem := v.LookupPath(cue.MakePath(cue.AnyIndex)); elem.IncompleteKind()&cue.StructKind != 0 {
			f.child(Element, elem)
		}
	}
}

func (f *Field) child(name string, v cue.Value) {
	i := slices.IndexFunc(f.Fields, func(c *Field) bool { return c.Name == name })
	if i < 0 {
		i = len(f.Fields)
		c := &Field{Name: name, Path: append(f.Path[:len(f.Path):len(f.Path)], name), Position: place(v)}
		f.Fields = append(f.Fields, c)
	}
	f.Fields[i].add(v)
}

// Leaves returns the single values of the type, and its lists of such.
func (f *Field) Leaves() []*Field {
	if len(f.Fields) == 0 {
		return []*Field{f}
	}
	var all []*Field
	for _, c := range f.Fields {
		all = append(all, c.Leaves()...)
	}
	return all
}

// Undefined returns the number of elements of the path that the type defines, and
// the names that it has in place of the next; ok is false if it defines all.
func (f *Field) Undefined(path []string) (defined int, names []string, undefined bool) {
	for n, key := range path {
		if f.Open {
			return 0, nil, false
		}
		next := f.next(key)
		if next == nil {
			for _, c := range f.Fields {
				names = append(names, c.Name)
			}
			return n, names, true
		}
		f = next
	}
	return 0, nil, false
}

func (f *Field) next(key string) *Field {
	for _, name := range []string{key, AnyKey} {
		if i := slices.IndexFunc(f.Fields, func(c *Field) bool { return c.Name == name }); i >= 0 {
			return f.Fields[i]
		}
	}
	return nil
}
