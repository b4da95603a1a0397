// Package schema says to Helm what the contract says of a chart's values: it
// produces the chart's values.schema.json and the documented defaults in its
// values.yaml.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/encoding/jsonschema"

	"gitlab.com/towpath/towpath/gen/environment"
)

// Contract is the package envs/contract, made ready for the JSON Schema encoder.
type Contract struct{ value cue.Value }

// NewContract takes a contract that nothing else uses: its syntax is changed. If
// the contract is invalid, the error is a [finding.List].
func NewContract(inst *build.Instance) (*Contract, error) {
	if inst.Err != nil {
		return nil, environment.CUEFindings(inst.Err)
	}
	ctx := cuecontext.New()
	original := ctx.BuildInstance(inst)
	if err := original.Validate(); err != nil {
		return nil, environment.CUEFindings(err)
	}
	for _, file := range inst.Files {
		keepBounds(original, file)
	}
	clone := *inst
	value := cuecontext.New().BuildInstance(&clone)
	if err := value.Err(); err != nil {
		return nil, fmt.Errorf("the contract: %w", err)
	}
	return &Contract{value}, nil
}

// keepBounds rewrites "bounds | *default" as "bounds & (*default | _)". Both
// mean the same as long as the default lies within the bounds, but the encoder
// drops an alternative that the default makes look redundant, and with it the
// bounds.
func keepBounds(scope cue.Value, file *ast.File) {
	astutil.Apply(file, nil, func(c astutil.Cursor) bool {
		or, ok := c.Node().(*ast.BinaryExpr)
		if !ok || or.Op != token.OR {
			return true
		}
		for _, pair := range [][2]ast.Expr{{or.X, or.Y}, {or.Y, or.X}} {
			bounds, mark := pair[0], pair[1]
			star, ok := mark.(*ast.UnaryExpr)
			if !ok || star.Op != token.MUL || !environment.Within(scope, star.X, bounds) {
				continue
			}
			c.Replace(&ast.BinaryExpr{
				Op: token.AND,
				X:  &ast.ParenExpr{X: bounds},
				Y:  &ast.ParenExpr{X: &ast.BinaryExpr{Op: token.OR, X: star, Y: ast.NewIdent("_")}},
			})
			return true
		}
		return true
	})
}

// JSON returns the values.schema.json of a chart.
//
// It is of draft 7, the newest that the validator of Helm before 3.18 knows, and
// allows what is added to the values from outside the contract: Helm's global,
// and the approval record.
func (c *Contract) JSON(chart string) ([]byte, error) {
	root, err := c.generate("#Charts." + chart)
	if err != nil {
		return nil, err
	}
	approval, err := c.generate("#Approval")
	if err != nil {
		return nil, err
	}
	// The chart's own type is a definition too; the root is where Helm's
	// additions must be allowed, so it is spelled out there.
	if err := inlineRoot(root); err != nil {
		return nil, fmt.Errorf("schema of chart %s: %w", chart, err)
	}
	properties, ok := root["properties"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("schema of chart %s: the contract's #Charts.%s is no struct", chart, chart)
	}
	approvalRoot := approval
	if err := inlineRoot(approvalRoot); err != nil {
		return nil, fmt.Errorf("schema of the approval record: %w", err)
	}
	delete(approvalRoot, "$schema")
	properties["approval"] = approvalRoot
	properties["global"] = map[string]any{
		"type":        "object",
		"description": "Values that Helm shares with dependencies.",
	}
	root["title"] = "Values of the chart " + chart
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(draft7(root)); err != nil {
		return nil, fmt.Errorf("schema of chart %s: %w", chart, err)
	}
	return out.Bytes(), nil
}

func (c *Contract) generate(path string) (map[string]any, error) {
	v := c.value.LookupPath(cue.ParsePath(path))
	if !v.Exists() {
		return nil, fmt.Errorf("the contract has no %s", path)
	}
	tree, err := generate(v)
	if err == nil {
		err = c.addPatterns(tree, tree, v)
	}
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", path, err)
	}
	return tree, nil
}

func generate(v cue.Value) (map[string]any, error) {
	expr, err := jsonschema.Generate(v, nil)
	if err != nil {
		return nil, err
	}
	data, err := cuecontext.New().BuildExpr(expr).MarshalJSON()
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	err = decoder.Decode(&tree)
	return tree, err
}

// inlineRoot replaces a schema that only refers to one of its definitions by
// that definition.
func inlineRoot(root map[string]any) error {
	ref, ok := root["$ref"].(string)
	if !ok {
		return nil
	}
	definitions, _ := root["$defs"].(map[string]any)
	name := strings.TrimPrefix(ref, "#/$defs/")
	definition, ok := definitions[name].(map[string]any)
	if !ok {
		return fmt.Errorf("the reference %s leads nowhere", ref)
	}
	delete(root, "$ref")
	delete(definitions, name)
	if len(definitions) == 0 {
		delete(root, "$defs")
	}
	for key, value := range definition {
		root[key] = value
	}
	return nil
}

// draft7 rewrites a schema of draft 2020-12, as far as CUE's encoder writes it,
// to draft 7: definitions have another name there, and keywords beside $ref are
// ignored.
func draft7(node any) any {
	switch n := node.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range n {
			switch key {
			case "$defs":
				key = "definitions"
			case "$schema":
				value = "http://json-schema.org/draft-07/schema#"
			case "description":
				if text, ok := value.(string); ok {
					value = strings.Join(strings.Fields(text), " ")
				}
			case "$ref":
				value = strings.Replace(value.(string), "#/$defs/", "#/definitions/", 1)
			}
			out[key] = draft7(value)
		}
		if ref, ok := out["$ref"]; ok && len(out) > 1 {
			delete(out, "$ref")
			reopen(out)
			all, _ := out["allOf"].([]any)
			out["allOf"] = append([]any{map[string]any{"$ref": ref}}, all...)
		}
		return out
	case []any:
		for i := range n {
			n[i] = draft7(n[i])
		}
		return n
	default:
		return node
	}
}

// reopen lets a schema beside a reference allow what the reference allows. CUE
// reads "#Type & {field: …}" as #Type with more to say about one field, but the
// encoder closes the second part for itself, around that field alone. The type
// is closed too, so nothing else comes in.
func reopen(beside map[string]any) {
	if beside["additionalProperties"] == false {
		delete(beside, "additionalProperties")
	}
	properties, _ := beside["properties"].(map[string]any)
	for _, property := range properties {
		if property, ok := property.(map[string]any); ok {
			reopen(property)
		}
	}
}

// Charts returns the names of the charts whose schema and defaults the contract
// produces, ordered: all that it knows, without foreign ones.
func (c *Contract) Charts() []string {
	var names []string
	fields, err := c.value.LookupPath(cue.ParsePath("#Charts")).Fields()
	if err != nil {
		return nil
	}
	for fields.Next() {
		name := fields.Selector().Unquoted()
		if !c.value.LookupPath(cue.MakePath(cue.Def("Foreign"), cue.Str(name))).Exists() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
