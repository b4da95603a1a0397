// Package values turns the values of a release from CUE into the YAML file that
// is committed beside the environment and read by Helm, and so by Argo CD.
package values

import (
	"bytes"
	"fmt"
	"math/big"

	"cuelang.org/go/cue"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
)

// Header returns the first line of every file that gen produces, as a comment
// in a language that comments with "#".
func Header(source string) string {
	return fmt.Sprintf("# Produced by gen render from %s. Do not edit.\n", source)
}

// Encode returns the values of one release as a YAML file. Keys are in
// alphabetical order, so that the order in which CUE unifies its files, which
// means nothing, changes nothing.
func Encode(env *environment.Environment, release environment.Release) ([]byte, error) {
	tree, err := plain(release.Values)
	if err != nil {
		return nil, fmt.Errorf("values of release %s in %s: %w", release.Name, env.Dir(), err)
	}
	body, err := yaml.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("values of release %s in %s: %w", release.Name, env.Dir(), err)
	}
	var file bytes.Buffer
	file.WriteString(Header(env.Dir()))
	file.Write(body)
	return file.Bytes(), nil
}

// plain converts a concrete value into maps, slices, strings, booleans and
// numbers. Null is refused: Helm takes it for "delete the default".
func plain(v cue.Value) (any, error) {
	switch v.Kind() {
	case cue.StructKind:
		fields, err := v.Fields()
		if err != nil {
			return nil, err
		}
		tree := map[string]any{}
		for fields.Next() {
			tree[fields.Selector().Unquoted()], err = plain(fields.Value())
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
			elem, err := plain(elems.Value())
			if err != nil {
				return nil, err
			}
			list = append(list, elem)
		}
		return list, nil
	case cue.NullKind:
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
