package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue"
)

// The lines of a chart's README between which the table of its values stands.
const (
	tableStart = "<!-- Values of the contract: produced by gen render from envs/contract. Do not edit. -->"
	tableEnd   = "<!-- End of the values. -->"
)

// Readme returns the README of a chart with the table of its values, one row
// each, brought up to date. A README without a place for it is returned as it is.
func (c *Contract) Readme(chart string, readme []byte) ([]byte, error) {
	before, rest, found := bytes.Cut(readme, []byte(tableStart))
	_, after, closed := bytes.Cut(rest, []byte(tableEnd))
	if !found || !closed {
		return readme, nil
	}
	var out bytes.Buffer
	out.Write(before)
	out.WriteString(tableStart + "\n\n| value | default | meaning |\n|---|---|---|\n")
	if err := writeRows(&out, c.value.LookupPath(cue.ParsePath("#Charts."+chart)), ""); err != nil {
		return nil, fmt.Errorf("values of chart %s: %w", chart, err)
	}
	out.WriteString("\n" + tableEnd)
	out.Write(after)
	return out.Bytes(), nil
}

func writeRows(out *bytes.Buffer, v cue.Value, prefix string) error {
	fields, err := fieldsOf(v)
	if err != nil {
		return err
	}
	for _, field := range fields {
		name := prefix + field.name
		if field.isStruct {
			if err := writeRows(out, field.value, name+"."); err != nil {
				return err
			}
			continue
		}
		fallback := "none"
		if !field.noDefault {
			text, err := json.Marshal(field.fallback)
			if err != nil {
				return err
			}
			fallback = "`" + string(text) + "`"
		}
		// A row is a line, and a bar would end its cell.
		meaning := strings.ReplaceAll(strings.Join(strings.Fields(field.comment), " "), "|", "\\|")
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", name, fallback, meaning)
	}
	return nil
}
