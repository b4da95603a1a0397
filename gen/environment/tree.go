package environment

import (
	"fmt"
	"math/big"
	"sync"

	"cuelang.org/go/cue"
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
		t.values, t.err = plain(r.Values, r.Foreign)
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

// plain converts a concrete value into maps, slices, strings, booleans and
// numbers, and null if that is allowed.
func plain(v cue.Value, null bool) (any, error) {
	kind := v.Kind()
	if kind == cue.BottomKind {
		v, _ = v.Default() // What has alternatives is not one kind before.
		kind = v.Kind()
	}
	switch kind {
	case cue.StructKind:
		fields, err := v.Fields()
		if err != nil {
			return nil, err
		}
		tree := map[string]any{}
		for fields.Next() {
			tree[fields.Selector().Unquoted()], err = plain(fields.Value(), null)
			if err != nil {
				return nil, err
			}
		}
		return tree, nil
	case cue.ListKind:
		elems, err := v.List()
		if err != nil {
			return nil, err
		}
		list := []any{}
		for elems.Next() {
			elem, err := plain(elems.Value(), null)
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
