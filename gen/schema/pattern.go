package schema

import (
	"fmt"
	"maps"
	"strings"

	"cuelang.org/go/cue"
)

// addPatterns adds to the schema of a type what CUE's encoder leaves out: the types
// of fields whose names each environment chooses, as in [#DNSName]: #Secret. Without
// them the schema would take anything there.
func (c *Contract) addPatterns(root, node map[string]any, v cue.Value) error {
	node = resolve(root, node)
	if node == nil || v.IncompleteKind() != cue.StructKind {
		return nil
	}
	properties, _ := node["properties"].(map[string]any)
	fields, err := v.Fields(cue.Optional(true), cue.Patterns(true))
	if err != nil {
		return err
	}
	for fields.Next() {
		selector := fields.Selector()
		if selector.ConstraintType() == cue.PatternConstraint {
			if len(properties) > 0 {
				return fmt.Errorf("%s names fields, and allows others: say so in gen/schema, if it is meant", v.Path())
			}
			names, err := c.join(root, selector.Pattern())
			if err != nil {
				return err
			}
			elem, err := c.join(root, fields.Value())
			if err != nil {
				return err
			}
			closeTables(elem)
			// It knows patterns that are written out, and leaves other names open.
			delete(node, "patternProperties")
			node["propertyNames"], node["additionalProperties"] = names, elem
			if err := c.addPatterns(root, elem, fields.Value()); err != nil {
				return err
			}
			continue
		}
		if property, ok := properties[selector.Unquoted()].(map[string]any); ok {
			if err := c.addPatterns(root, property, fields.Value()); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeTables lets tables have no other keys than theirs. The encoder does so for
// definitions, and not for a part of one by itself.
func closeTables(node map[string]any) {
	properties, ok := node["properties"].(map[string]any)
	if !ok {
		return
	}
	node["additionalProperties"] = false
	for _, property := range properties {
		if property, ok := property.(map[string]any); ok {
			closeTables(property)
		}
	}
}

// join returns the schema of a value, its definitions added to those of root.
func (c *Contract) join(root map[string]any, v cue.Value) (map[string]any, error) {
	tree, err := generate(v)
	if err != nil {
		return nil, err
	}
	more, _ := tree["$defs"].(map[string]any)
	all, ok := root["$defs"].(map[string]any)
	if !ok {
		all = map[string]any{}
		root["$defs"] = all
	}
	for name, definition := range more {
		if _, known := all[name]; !known {
			all[name] = definition
		}
	}
	delete(tree, "$defs")
	delete(tree, "$schema")
	return maps.Clone(tree), nil
}

// resolve returns the schema that a schema refers to, or itself.
func resolve(root, node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	definitions, _ := root["$defs"].(map[string]any)
	target, _ := definitions[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	return target
}
