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
	fields, err := v.Fields(cue.Optional(true))
	if err != nil {
		return err
	}
	for first := true; fields.Next(); first = false {
		field := fields.Value()
		if !first && indent == "" {
			out.WriteString("\n")
		}
		for line := range strings.Lines(comment(field)) {
			out.WriteString(strings.TrimRight(indent+"# "+line, " \n") + "\n")
		}
		name := fields.Selector().Unquoted()
		if field.IncompleteKind() == cue.StructKind {
			fmt.Fprintf(out, "%s%s:\n", indent, name)
			if err := writeFields(out, field, indent+"  "); err != nil {
				return err
			}
			continue
		}
		value, ok := field.Default()
		var scalar any
		switch {
		case !ok && field.IncompleteKind() == cue.ListKind:
			scalar = []any{}
		case !value.IsConcrete():
			// There is nothing that would be right for everybody.
			fmt.Fprintf(out, "%s# %s: (no default)\n", indent, name)
			continue
		default:
			if err := value.Decode(&scalar); err != nil {
				return err
			}
		}
		text, err := yaml.Marshal(map[string]any{name: scalar})
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			out.WriteString(indent + line)
		}
	}
	return nil
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
