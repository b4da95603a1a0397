package kubernetes

import (
	"maps"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// Type is what the API says of one place in an object: how to compare what stands there. The zero Type is that
// of a place of which nothing is known, and so are all below it.
type Type struct {
	api    *API
	file   *file
	schema *schema.Schema
	name   string
}

// Type returns the type of a kind's objects, and whether the kind is served.
func (a *API) Type(apiVersion, kind string) (Type, bool) {
	found, _ := a.find(apiVersion, kind)
	if found == nil {
		return Type{}, false
	}
	return Type{api: a, file: found.file}.follow(&schema.Schema{Ref: found.kind.Definition}), true
}

// follow resolves references. What a custom kind refers to is Kubernetes' own.
func (t Type) follow(s *schema.Schema) Type {
	next := Type{api: t.api, file: t.file, schema: s}
	for next.schema != nil && next.schema.Ref != "" {
		next.name = next.schema.Ref
		if next.file.definitions[next.name] == nil {
			next.file = t.api.builtin()
		}
		next.schema = next.file.definition(next.name)
	}
	return next
}

// Known reports whether the API says anything of the place.
func (t Type) Known() bool { return t.schema != nil }

// Name is that of the definition, such as core.v1.PodSpec, or empty where there is none of that place alone.
func (t Type) Name() string {
	return strings.TrimPrefix(strings.TrimPrefix(t.name, "io.k8s.api."), "io.k8s.apimachinery.pkg.")
}

// Field returns the type of a field; declared says that the schema names it, as opposed to a key of somebody's
// choice.
func (t Type) Field(name string) (field Type, declared bool) {
	switch {
	case t.schema == nil:
		return Type{}, false
	case t.schema.Properties[name] != nil:
		return t.follow(t.schema.Properties[name]), true
	case t.schema.Additional != nil:
		return t.follow(t.schema.Additional), false
	}
	return Type{}, false
}

// Fields lists the fields that the schema names, ordered.
func (t Type) Fields() []string {
	if t.schema == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.schema.Properties))
}

// Item returns the type of a list's items.
func (t Type) Item() Type {
	if t.schema == nil || t.schema.Items == nil {
		return Type{}
	}
	return t.follow(t.schema.Items)
}

// Keys are the fields that tell the items of a list apart, if it is one of that kind.
func (t Type) Keys() []string {
	if t.schema == nil || t.schema.ListType != "map" {
		return nil
	}
	return t.schema.ListKeys
}

// IsSet reports whether the order of a list's items means nothing, and each is there once.
func (t Type) IsSet() bool { return t.schema != nil && t.schema.ListType == "set" }

// JSON is the type in the words of JSON, such as object, or empty if there are several or none is known.
func (t Type) JSON() string {
	if t.schema == nil {
		return ""
	}
	return t.schema.Type
}

// IsQuantity reports whether the place takes an amount such as 100m or 2Gi.
func (t Type) IsQuantity() bool { return t.schema != nil && t.schema.Format == schema.Quantity }

// IsIntOrString reports whether the place takes a number as well as a text.
func (t Type) IsIntOrString() bool { return t.schema != nil && t.schema.IntOrString }

// Pattern is the expression that a text has to match, or empty.
func (t Type) Pattern() string {
	if t.schema == nil {
		return ""
	}
	return t.schema.Pattern
}

// Default is what a custom kind's schema puts where the field is missing, or nil.
func (t Type) Default() any {
	if t.schema == nil {
		return nil
	}
	return t.schema.Default
}

// EmptyIsAbsent reports whether the API server takes "" for a field that is not there.
func (t Type) EmptyIsAbsent() bool { return t.schema != nil && t.schema.EmptyIsAbsent }
