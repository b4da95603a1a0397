package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubejson "sigs.k8s.io/json"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// field is a place in an object and what is there, nil if nothing is. Values of
// another type than a rule expects read as missing: that an object is valid is
// judged elsewhere.
type field struct {
	object manifest.Object
	path   []string
	value  any
}

func root(o manifest.Object) field { return field{object: o, value: o.Data} }

// at returns the field at a path below f.
func (f field) at(path ...string) field {
	for _, name := range path {
		object, _ := f.value.(map[string]any)
		f = f.child(name, object[name])
	}
	return f
}

func (f field) child(name string, value any) field {
	return field{object: f.object, path: append(slices.Clip(f.path), name), value: value}
}

// list returns the items of a list.
func (f field) list() []field {
	items, _ := f.value.([]any)
	fields := make([]field, len(items))
	for i, item := range items {
		fields[i] = f.child(strconv.Itoa(i), item)
	}
	return fields
}

// fields returns the fields of an object, ordered by name.
func (f field) fields() []field {
	object, _ := f.value.(map[string]any)
	var fields []field
	for name, value := range object {
		fields = append(fields, f.child(name, value))
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name(), b.name()) })
	return fields
}

// name returns the last element of the path.
func (f field) name() string {
	if len(f.path) == 0 {
		return ""
	}
	return f.path[len(f.path)-1]
}

func (f field) exists() bool { return f.value != nil }

func (f field) text() string {
	text, _ := f.value.(string)
	return text
}

// is reports whether the field is a boolean and the one given.
func (f field) is(want bool) bool {
	flag, ok := f.value.(bool)
	return ok && flag == want
}

// number returns a whole number, which YAML and JSON give as several types.
func (f field) number() (int, bool) {
	switch value := f.value.(type) {
	case json.Number:
		n, err := value.Int64()
		return int(n), err == nil
	case float64:
		return int(value), value == float64(int(value))
	case int64:
		return int(value), true
	case int:
		return value, true
	default:
		return 0, false
	}
}

// quantity returns an amount such as 100m or 2Gi, and false without one.
func (f field) quantity() (resource.Quantity, bool) {
	if !f.exists() {
		return resource.Quantity{}, false
	}
	q, err := resource.ParseQuantity(fmt.Sprint(f.value))
	return q, err == nil
}

// scalar returns a text, a number or a flag as text, and "" otherwise.
func (f field) scalar() string {
	switch f.value.(type) {
	case nil, map[string]any, []any:
		return ""
	default:
		return fmt.Sprint(f.value)
	}
}

// texts returns the texts in a list.
func (f field) texts() []string {
	var texts []string
	for _, item := range f.list() {
		if text, ok := item.value.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// labels returns an object whose values are texts.
func (f field) labels() labels.Set {
	set := labels.Set{}
	for _, label := range f.fields() {
		set[label.name()] = label.scalar()
	}
	return set
}

// selector returns a selector of the kind that has matchLabels and
// matchExpressions. An empty one selects everything, a missing one nothing.
func (f field) selector() labels.Selector {
	if !f.exists() {
		return labels.Nothing()
	}
	var selector metav1.LabelSelector
	if err := f.decode(&selector); err != nil {
		return labels.Nothing()
	}
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return labels.Nothing()
	}
	return parsed
}

// decode reads the field into a type of the Kubernetes API.
func (f field) decode(into any) error {
	text, err := json.Marshal(f.value)
	if err != nil {
		return err
	}
	// As the API server reads it: not guessing at capitals, as encoding/json does.
	return kubejson.UnmarshalCaseSensitivePreserveInts(text, into)
}

// blame returns a violation at the field.
func (f field) blame(help, format string, args ...any) Violation {
	return Violation{Object: f.object, Path: f.path, Message: fmt.Sprintf(format, args...), Help: help}
}
