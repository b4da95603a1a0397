// Package schema holds the form in which API schemas are stored: what makeschemas writes and what
// package kubernetes reads. Keeping both ends on one type means a keyword cannot be written and then
// forgotten by the reader.
package schema

// Schema is what the API server enforces about one value, in the words of OpenAPI, and what it takes to
// compare two: which lists have keys, and the defaults. Descriptions and CEL rules are left out.
type Schema struct {
	Ref        string             `json:"$ref,omitempty"`
	Type       string             `json:"type,omitempty"`
	Format     string             `json:"format,omitempty"`
	Properties map[string]*Schema `json:"properties,omitempty"`
	Additional *Schema            `json:"additionalProperties,omitempty"`
	Required   []string           `json:"required,omitempty"`
	Items      *Schema            `json:"items,omitempty"`
	Enum       []any              `json:"enum,omitempty"` // strings and numbers
	Pattern    string             `json:"pattern,omitempty"`

	Minimum          *float64 `json:"minimum,omitempty"`
	Maximum          *float64 `json:"maximum,omitempty"`
	ExclusiveMinimum bool     `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum bool     `json:"exclusiveMaximum,omitempty"`
	MinLength        *int     `json:"minLength,omitempty"`
	MaxLength        *int     `json:"maxLength,omitempty"`
	MinItems         *int     `json:"minItems,omitempty"`
	MaxItems         *int     `json:"maxItems,omitempty"`
	MinProperties    *int     `json:"minProperties,omitempty"`
	MaxProperties    *int     `json:"maxProperties,omitempty"`

	AllOf []*Schema `json:"allOf,omitempty"`
	AnyOf []*Schema `json:"anyOf,omitempty"`
	OneOf []*Schema `json:"oneOf,omitempty"`
	Not   *Schema   `json:"not,omitempty"`

	// Default is that of a custom kind; those of Kubernetes' own kinds are in Go code and in no schema.
	Default any `json:"default,omitempty"`

	// ListType is map for a list whose items are told apart by ListKeys, set for one whose items are told
	// apart by what they are, and empty for one that is only itself as a whole.
	ListType string   `json:"x-kubernetes-list-type,omitempty"`
	ListKeys []string `json:"x-kubernetes-list-map-keys,omitempty"`

	// Open objects keep fields that the schema does not name.
	Open bool `json:"x-kubernetes-preserve-unknown-fields,omitempty"`
	// IntOrString accepts an integer as well as a string, and then has no Type.
	IntOrString bool `json:"x-kubernetes-int-or-string,omitempty"`
	// EmptyIsAbsent: the API server decodes "" into the same Go value as a field that is not there, and
	// then applies the field's default, so "" is never an invalid member of the enum.
	EmptyIsAbsent bool `json:"x-towpath-empty-is-absent,omitempty"`
}

// Formats that are not OpenAPI's but say how the API server's own Go types read a value.
const (
	Quantity  = "quantity"   // resource.Quantity: a string such as 100m, or a number
	MicroTime = "micro-time" // metav1.MicroTime: RFC 3339 with exactly six digits of fraction
)

// ObjectMeta names the definition that every object's metadata follows, custom resources' too.
const ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

// Index opens a stored file: what it was made from and which kinds it defines.
type Index struct {
	Source string `json:"source"` // module@version
	Kinds  []Kind `json:"kinds"`
}

// Kind is one kind that can be kept in a cluster.
type Kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespaced bool   `json:"namespaced,omitempty"`
	Definition string `json:"definition"`
}
