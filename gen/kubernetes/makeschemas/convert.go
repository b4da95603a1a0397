package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// formats are the ones that package kubernetes checks.
var formats = []string{"int32", "int64", "float", "double", "byte", "date-time", "ipv4", "ipv6"}

// ignored keywords say nothing about whether a value is accepted, except x-kubernetes-validations (CEL) and
// unions, which need the API server itself.
var ignored = []string{
	"description", "title", "example", "externalDocs", "default",
	"nullable", // every null is reported, wanted by the schema or not
	"x-kubernetes-map-type", "x-kubernetes-unions", "x-kubernetes-validations",
	// Every list with a merge key has a list type as well, which says the same and more.
	"x-kubernetes-patch-strategy", "x-kubernetes-patch-merge-key",
	"x-kubernetes-group-version-kind",
}

// convert turns one schema, as swagger.json and CRDs write it, into the stored form. at says where it
// stands, for the error about a keyword that is not understood.
func convert(at string, in map[string]any) (*schema.Schema, error) {
	// The two words say the same; the pair of types is only there for readers that do not know the first.
	if in["x-kubernetes-int-or-string"] == true {
		in = maps.Clone(in)
		if fmt.Sprint(in["anyOf"]) == "[map[type:integer] map[type:string]]" {
			delete(in, "anyOf")
		}
	}
	out := &schema.Schema{}
	for _, keyword := range slices.Sorted(maps.Keys(in)) {
		if err := convertKeyword(out, at, keyword, in[keyword]); err != nil {
			return nil, err
		}
	}
	// The API server fills defaults in before it looks for required fields and compares forms.
	for name, property := range out.Properties {
		text, _ := in["properties"].(map[string]any)[name].(map[string]any)
		if filled, has := text["default"]; has {
			out.Required = slices.DeleteFunc(out.Required, func(required string) bool { return required == name })
			property.Default = filled
		}
	}
	return out, nil
}

// convertKeyword does the keywords that hold schemas, whose errors know by themselves where they stand.
func convertKeyword(out *schema.Schema, at, keyword string, value any) (err error) {
	switch keyword {
	case "properties":
		out.Properties, err = convertProperties(at, value)
	case "additionalProperties":
		if value == true {
			out.Additional = &schema.Schema{}
		} else if value != false {
			out.Additional, err = convertChild(at+".*", value)
		}
	case "items":
		out.Items, err = convertChild(at+"[]", value)
	case "not":
		out.Not, err = convertChild(at+".not", value)
	case "allOf":
		out.AllOf, err = convertList(at+".allOf", value)
	case "anyOf":
		out.AnyOf, err = convertList(at+".anyOf", value)
	case "oneOf":
		out.OneOf, err = convertList(at+".oneOf", value)
	default:
		if err := convertScalar(out, keyword, value); err != nil {
			return fmt.Errorf("%s: %s: %w", at, keyword, err)
		}
	}
	return err
}

func convertScalar(out *schema.Schema, keyword string, value any) error {
	switch keyword {
	case "$ref":
		err := assign(&out.Ref, value)
		out.Ref = strings.TrimPrefix(out.Ref, "#/definitions/")
		return err
	case "type":
		return assign(&out.Type, value)
	case "format":
		if format, _ := value.(string); !slices.Contains(formats, format) {
			return fmt.Errorf("%v is not one that is checked: teach format in scalar.go", value)
		}
		return assign(&out.Format, value)
	case "enum":
		return convertEnum(out, value)
	case "pattern":
		if err := assign(&out.Pattern, value); err != nil {
			return err
		}
		_, err := regexp.Compile(out.Pattern)
		return err
	case "required":
		err := assign(&out.Required, value)
		slices.Sort(out.Required)
		return err
	case "minimum":
		return assign(&out.Minimum, value)
	case "maximum":
		return assign(&out.Maximum, value)
	case "exclusiveMinimum":
		return assign(&out.ExclusiveMinimum, value)
	case "exclusiveMaximum":
		return assign(&out.ExclusiveMaximum, value)
	case "minLength":
		return assign(&out.MinLength, value)
	case "maxLength":
		return assign(&out.MaxLength, value)
	case "minItems":
		return assign(&out.MinItems, value)
	case "maxItems":
		return assign(&out.MaxItems, value)
	case "minProperties":
		return assign(&out.MinProperties, value)
	case "maxProperties":
		return assign(&out.MaxProperties, value)
	case "x-kubernetes-preserve-unknown-fields":
		return assign(&out.Open, value)
	case "x-kubernetes-int-or-string":
		return assign(&out.IntOrString, value)
	case "x-kubernetes-list-type":
		if value == "atomic" {
			return nil // as a list without a type is
		}
		return assign(&out.ListType, value)
	case "x-kubernetes-list-map-keys":
		return assign(&out.ListKeys, value)
	}
	if slices.Contains(ignored, keyword) {
		return nil
	}
	return errors.New("keyword is not understood: teach schema.Schema and walk.go")
}

func convertChild(at string, value any) (*schema.Schema, error) {
	child, isObject := value.(map[string]any)
	if !isObject {
		return nil, fmt.Errorf("%s: a schema is an object, not %T", at, value)
	}
	return convert(at, child)
}

func convertProperties(at string, value any) (map[string]*schema.Schema, error) {
	in, _ := value.(map[string]any)
	out := make(map[string]*schema.Schema, len(in))
	for name, property := range in {
		var err error
		if out[name], err = convertChild(at+"."+name, property); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func convertList(at string, value any) ([]*schema.Schema, error) {
	var out []*schema.Schema
	in, _ := value.([]any)
	for _, item := range in {
		child, err := convertChild(at, item)
		if err != nil {
			return nil, err
		}
		out = append(out, child)
	}
	return out, nil
}

func convertEnum(out *schema.Schema, value any) error {
	out.Enum, _ = value.([]any)
	for _, member := range out.Enum {
		switch member.(type) {
		case string, float64, int64:
		default:
			return fmt.Errorf("%v (%T) is neither a string nor a number", member, member)
		}
	}
	return nil
}

// assign goes through JSON because that is what both sources are, and it rejects a keyword of the wrong type.
func assign[T any](target *T, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, target)
}
