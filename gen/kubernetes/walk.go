package kubernetes

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// walk goes through one object and its schema side by side.
type walk struct {
	api      *API
	path     []string
	problems []Problem
	// branch is set inside of allOf, anyOf, oneOf and not. There a schema adds conditions to a value whose
	// shape is given outside, so fields that it does not name are none of its business.
	branch bool
}

func (w *walk) report(kind ProblemKind, found string, allowed []string, format string, args ...any) {
	w.problems = append(w.problems, Problem{
		Path: slices.Clone(w.path), Kind: kind, Found: found, Allowed: allowed, Message: fmt.Sprintf(format, args...),
	})
}

// at runs check one step further down.
func (w *walk) at(step string, check func()) {
	w.path = append(w.path, step)
	check()
	w.path = w.path[:len(w.path)-1]
}

// typeMeta reads apiVersion or kind. Without both there is no schema to walk along.
func (w *walk) typeMeta(object map[string]any, field string) (text string, ok bool) {
	value, present := object[field]
	w.at(field, func() {
		if text, ok = value.(string); ok && text != "" {
			return
		}
		ok = false
		switch {
		case !present || value == "":
			w.missing(field)
		case value == nil:
			w.null()
		default:
			w.wrongType(value, "string")
		}
	})
	return text, ok
}

// name is the one requirement on metadata that no schema states: the API server takes no object without a name.
func (w *walk) name(object map[string]any) {
	metadata, isMap := object["metadata"].(map[string]any)
	if _, present := object["metadata"]; present && !isMap {
		return // reported as a wrong type
	}
	_, named := metadata["name"]
	_, generated := metadata["generateName"]
	if !named && !generated {
		w.at("metadata", func() { w.at("name", func() { w.missing("name") }) })
	}
}

func (w *walk) missing(name string) {
	w.report(MissingField, "", nil, "required field %q is missing", name)
}

func (w *walk) null() {
	if !w.branch {
		w.report(Null, "null", nil, "is null; leave the field out instead")
	}
}

func (w *walk) wrongType(value any, allowed ...string) {
	found := jsonType(value)
	w.report(WrongType, found, allowed, "must be %s, is %s", withArticle(strings.Join(allowed, " or ")), withArticle(found))
}

// value checks one value against one schema.
func (w *walk) value(s *schema.Schema, value any) {
	for s.Ref != "" {
		s = w.api.builtin().definition(s.Ref)
	}
	if value == nil {
		w.null()
		return
	}
	if allowed := typesOf(s); allowed != nil && !slices.ContainsFunc(allowed, func(t string) bool { return hasType(value, t) }) {
		w.wrongType(value, allowed...)
		return
	}
	w.enum(s, value)
	switch v := value.(type) {
	case map[string]any:
		w.object(s, v)
	case []any:
		w.array(s, v)
	case string:
		w.text(s, v)
	default:
		if number, isNumber := toNumber(value); isNumber {
			w.number(s, number)
		}
	}
	w.combinations(s, value)
}

func typesOf(s *schema.Schema) []string {
	switch {
	case s.IntOrString:
		return []string{"integer", "string"}
	case s.Format == schema.Quantity:
		return []string{"string", "number"}
	case s.Type != "":
		return []string{s.Type}
	}
	return nil
}

func (w *walk) object(s *schema.Schema, object map[string]any) {
	for _, name := range s.Required {
		if _, present := object[name]; !present && !w.inStatus() {
			w.at(name, func() { w.missing(name) })
		}
	}
	w.size(len(object), s.MinProperties, s.MaxProperties, "fields")
	for _, name := range slices.Sorted(maps.Keys(object)) {
		w.at(name, func() { w.field(s, name, object[name]) })
	}
}

func (w *walk) field(s *schema.Schema, name string, value any) {
	switch property := s.Properties[name]; {
	case property != nil && value == "" && property.EmptyIsAbsent:
	case property != nil:
		w.value(property, value)
	case s.Additional != nil:
		w.value(s.Additional, value)
	case w.branch:
	case s.Open || s.Type == "":
		w.value(&schema.Schema{}, value)
	default:
		w.report(UnknownField, name, slices.Sorted(maps.Keys(s.Properties)), "unknown field %q", name)
	}
}

func (w *walk) inStatus() bool { return len(w.path) > 0 && w.path[0] == "status" }

func (w *walk) array(s *schema.Schema, array []any) {
	w.size(len(array), s.MinItems, s.MaxItems, "items")
	items := s.Items
	if items == nil {
		items = &schema.Schema{}
	}
	for i, item := range array {
		w.at(strconv.Itoa(i), func() { w.value(items, item) })
	}
}

func (w *walk) enum(s *schema.Schema, value any) {
	if s.Enum == nil {
		return
	}
	allowed, said := make([]string, len(s.Enum)), make([]string, len(s.Enum))
	for i, member := range s.Enum {
		if equal(member, value) {
			return
		}
		allowed[i] = fmt.Sprint(member)
		if said[i] = allowed[i]; member == "" {
			said[i] = `""`
		}
	}
	found := fmt.Sprint(value)
	w.report(BadEnum, found, allowed, "%q is not one of %s", found, strings.Join(said, ", "))
}

// combinations judges the value as a whole. Problems inside of the branches of anyOf and oneOf would mislead,
// as each is only wrong if one meant that branch.
func (w *walk) combinations(s *schema.Schema, value any) {
	if s.AllOf == nil && s.AnyOf == nil && s.OneOf == nil && s.Not == nil {
		return
	}
	value = withDefaults(s, value)
	for _, branch := range s.AllOf {
		w.problems = append(w.problems, w.try(branch, value)...)
	}
	if s.AnyOf != nil && w.fitting(s.AnyOf, value) == 0 {
		w.report(BadCombination, "", nil, "fits none of the %d forms that are permitted", len(s.AnyOf))
	}
	if s.OneOf != nil {
		if n := w.fitting(s.OneOf, value); n != 1 {
			w.report(BadCombination, "", nil, "must fit exactly one of %d forms, fits %d", len(s.OneOf), n)
		}
	}
	if s.Not != nil && len(w.try(s.Not, value)) == 0 {
		w.report(BadCombination, "", nil, "has a form that is not permitted")
	}
}

// withDefaults fills in what the API server would have by now; a form may turn on a field that was left out.
func withDefaults(s *schema.Schema, value any) any {
	object, isMap := value.(map[string]any)
	if !isMap {
		return value
	}
	filled := maps.Clone(object)
	for name, property := range s.Properties {
		if _, present := filled[name]; !present && property.Default != nil {
			filled[name] = property.Default
		}
	}
	return filled
}

func (w *walk) fitting(branches []*schema.Schema, value any) (n int) {
	for _, branch := range branches {
		if len(w.try(branch, value)) == 0 {
			n++
		}
	}
	return n
}

func (w *walk) try(branch *schema.Schema, value any) []Problem {
	inner := walk{api: w.api, path: slices.Clone(w.path), branch: true}
	inner.value(branch, value)
	return inner.problems
}

// jsonType names the type of a decoded value as JSON would.
func jsonType(value any) string {
	for _, name := range []string{"string", "boolean", "object", "array", "integer", "number"} {
		if hasType(value, name) {
			return name
		}
	}
	if value == nil {
		return "null"
	}
	return fmt.Sprintf("%T", value) // not JSON: NaN, or a Go type that only another decoder makes
}

func hasType(value any, name string) (ok bool) {
	switch name {
	case "string":
		_, ok = value.(string)
	case "boolean":
		_, ok = value.(bool)
	case "object":
		_, ok = value.(map[string]any)
	case "array":
		_, ok = value.([]any)
	case "integer":
		var n float64
		n, ok = toNumber(value)
		ok = ok && n == math.Trunc(n) // 3.0 in YAML is 3 in the JSON that is sent
	case "number":
		_, ok = toNumber(value)
	}
	return ok
}

func withArticle(name string) string {
	if strings.ContainsAny(name[:1], "aeio") {
		return "an " + name
	}
	return "a " + name
}
