package schema

import (
	"bytes"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
	"sigs.k8s.io/yaml"
)

// Defaults returns the values.yaml of a chart: every default of the contract
// under the contract's comment, in the contract's order. Helm reads it where the
// chart is installed without an environment.
func (c *Contract) Defaults(chart string) ([]byte, error) {
	v := c.value.LookupPath(cue.ParsePath("#Charts." + chart))
	if v.IncompleteKind() != cue.StructKind {
		return nil, fmt.Errorf("the contract has no struct #Charts.%s", chart)
	}
	var out bytes.Buffer
	if err := writeFields(&out, v, ""); err != nil {
		return nil, fmt.Errorf("defaults of chart %s: %w", chart, err)
	}
	return out.Bytes(), nil
}

func writeFields(out *bytes.Buffer, v cue.Value, indent string) error {
	fields, err := fieldsOf(v)
	if err != nil {
		return err
	}
	for i, field := range fields {
		if i > 0 && indent == "" {
			out.WriteString("\n")
		}
		for line := range strings.Lines(field.comment) {
			out.WriteString(strings.TrimRight(indent+"# "+line, " \n") + "\n")
		}
		if field.isStruct {
			fmt.Fprintf(out, "%s%s:\n", indent, field.name)
			if err := writeFields(out, field.value, indent+"  "); err != nil {
				return err
			}
			continue
		}
		if field.noDefault {
			fmt.Fprintf(out, "%s# %s: (no default)\n", indent, field.name)
			continue
		}
		text, err := yaml.Marshal(map[string]any{field.name: field.fallback})
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			out.WriteString(indent + line)
		}
	}
	return nil
}

// field is one field of a chart's values.
type field struct {
	name, comment string
	value         cue.Value
	// isStruct tells that the field holds other fields, and has no default itself.
	isStruct bool
	// noDefault tells that nothing would be right for everybody.
	noDefault bool
	fallback  any
}

// fieldsOf returns the fields of a struct in the contract's order.
func fieldsOf(v cue.Value) ([]field, error) {
	iterator, err := v.Fields(cue.Optional(true))
	if err != nil {
		return nil, err
	}
	var fields []field
	for iterator.Next() {
		f := field{name: iterator.Selector().Unquoted(), value: iterator.Value(), comment: comment(iterator.Value())}
		fallback, ok := f.value.Default()
		switch {
		case f.value.IncompleteKind() == cue.StructKind:
			f.isStruct = hasFields(f.value)
			f.fallback = map[string]any{} // A struct whose keys each environment chooses.
		case !ok && f.value.IncompleteKind() == cue.ListKind:
			f.fallback = []any{}
		case !fallback.IsConcrete():
			f.noDefault = true
		default:
			if err := fallback.Decode(&f.fallback); err != nil {
				return nil, err
			}
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func hasFields(v cue.Value) bool {
	iterator, err := v.Fields(cue.Optional(true))
	return err == nil && iterator.Next()
}

// comment returns the contract's own comment on a field. That on the type of the
// field comes second in CUE, and is left out.
func comment(v cue.Value) string {
	docs := v.Doc()
	if len(docs) == 0 {
		return ""
	}
	return strings.TrimSpace(docs[0].Text())
}
