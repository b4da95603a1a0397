package environment

import (
	"fmt"
	"math/big"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// evaluation guards values of CUE. Those that were validated can be read by many
// goroutines, but asking where one comes from evaluates its parts again, and writes
// to what they share.
var evaluation sync.RWMutex

// tree remembers the values of a release as plain data.
type tree struct {
	once   sync.Once
	values any
	err    error

	untouched *untouched // Nil finds nothing.
	keys      []key      // of the values, nil if nobody has read them.
}

// key is a field of a struct.
type key struct {
	name  string
	value cue.Value
}

// keysOf returns the fields of a struct. CUE puts them in order first, which takes longer
// than all else that is done with a struct.
func keysOf(fields *cue.Iterator) []key {
	var keys []key
	for fields.Next() {
		keys = append(keys, key{fields.Selector().Unquoted(), fields.Value()})
	}
	return keys
}

// untouched remembers, as plain data, the structs of values of which nothing is said but what
// the contract says: they are the same in all releases. Most of the time that plain data takes,
// CUE spends on the order of fields. It is for the releases that one [Loader] loads: they have
// one contract.
type untouched struct {
	mu    sync.RWMutex
	trees map[*ast.Field]any // Nil for a field whose struct may differ.
}

// find returns the field of the contract that alone says what a struct is, and the struct if it
// is known. There is no field if there may be others.
func (u *untouched) find(v cue.Value) (field *ast.Field, tree any) {
	if u == nil {
		return nil, nil
	}
	// What several fields say has no source.
	if field, _ = v.Source().(*ast.Field); field == nil {
		return nil, nil
	}
	u.mu.RLock()
	tree, isKnown := u.trees[field]
	u.mu.RUnlock()
	if isKnown && tree == nil {
		return nil, nil
	}
	return field, tree
}

// put remembers what a struct is, of which a field alone says so.
func (u *untouched) put(field *ast.Field, tree any) {
	if !namesType(field.Value) {
		tree = nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.trees == nil {
		u.trees = map[*ast.Field]any{}
	}
	u.trees[field] = tree
}

// namesType reports whether an expression is the name of a definition of the contract's package:
// it is then the same wherever it stands, as one within a struct is not, nor one of a package to
// which each folder adds.
func namesType(expr ast.Expr) bool {
	name, isName := expr.(*ast.Ident)
	if !isName || !strings.HasPrefix(name.Name, "#") {
		return false
	}
	file, isTop := name.Scope.(*ast.File)
	return isTop && isOfContract(file.Filename)
}

// Tree returns the values of the release as maps, slices, strings, booleans and
// numbers: int64 or float64. It is made once for all copies of a release that was
// loaded, so nobody may write to it. Null is refused, as Helm takes it for "delete the
// default"; the defaults of a foreign chart are for the environment to delete.
func (r Release) Tree() (map[string]any, error) {
	t := r.tree
	if t == nil {
		t = &tree{}
	}
	t.once.Do(func() {
		evaluation.RLock()
		defer evaluation.RUnlock()
		if t.keys == nil {
			t.values, t.err = t.untouched.plain(r.Values, r.Foreign)
		} else {
			t.values, t.err = t.untouched.table(t.keys, r.Foreign)
		}
	})
	if t.err != nil {
		return nil, t.err
	}
	values, ok := t.values.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is no struct", r.Values.Path())
	}
	return values, nil
}

// table is plain of a struct.
func (u *untouched) table(keys []key, null bool) (map[string]any, error) {
	tree := make(map[string]any, len(keys))
	for _, k := range keys {
		value, err := u.plain(k.value, null)
		if err != nil {
			return nil, err
		}
		tree[k.name] = value
	}
	return tree, nil
}

// plain converts a concrete value into maps, slices, strings, booleans and
// numbers, and null if that is allowed.
func (u *untouched) plain(v cue.Value, null bool) (any, error) {
	kind := v.Kind()
	if kind == cue.BottomKind {
		v, _ = v.Default() // What has alternatives is not one kind before.
		kind = v.Kind()
	}
	switch kind {
	case cue.StructKind:
		field, known := u.find(v)
		if known != nil {
			return known, nil
		}
		fields, err := v.Fields()
		if err != nil {
			return nil, err
		}
		tree, err := u.table(keysOf(fields), null)
		if err != nil {
			return nil, err
		}
		if field != nil {
			u.put(field, tree)
		}
		return tree, nil
	case cue.ListKind:
		elems, err := v.List()
		if err != nil {
			return nil, err
		}
		list := []any{}
		for elems.Next() {
			elem, err := u.plain(elems.Value(), null)
			if err != nil {
				return nil, err
			}
			list = append(list, elem)
		}
		return list, nil
	case cue.StringKind:
		return v.String()
	case cue.BoolKind:
		return v.Bool()
	case cue.NullKind:
		if null {
			return nil, nil //nolint:nilnil // This is the value.
		}
		return nil, fmt.Errorf("%s is null", v.Path())
	case cue.IntKind:
		n, err := v.Int(new(big.Int))
		if err != nil {
			return nil, err
		}
		if !n.IsInt64() {
			return nil, fmt.Errorf("%s is %s, beyond 64 bits", v.Path(), n)
		}
		return n.Int64(), nil
	default:
		var scalar any
		if err := v.Decode(&scalar); err != nil {
			return nil, err
		}
		return scalar, nil
	}
}
