package diff

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// object is an object of one state: a copy without secrets, and with lists whose
// order means nothing in one order, so that neither is anybody's concern behind the
// entrance of the package.
type object struct {
	// rendered is the object as it came. Only data and blame, for places, look at it.
	rendered manifest.Object
	// key tells objects of a cluster apart; it is not shown.
	key string

	id, apiVersion, kind, group, namespace, name, template string

	root *place
	// masked is what data returns, nil until somebody asks: most objects of a fleet were
	// rendered once for both states, and nobody looks into them.
	masked map[string]any
	// sorted are the lists that were brought in order, by their first item: where
	// each item stood before.
	sorted map[*any][]int
}

// enter takes an object in.
func enter(api *kubernetes.API, o manifest.Object, namespace string) *object {
	if api != nil {
		if namespaced, served := api.Namespaced(o.APIVersion, o.Kind); served && !namespaced {
			namespace = ""
		}
	}
	in := &object{
		rendered: o, root: rootOf(api, o.APIVersion, o.Kind, namespace), sorted: map[*any][]int{},
		apiVersion: visible(o.APIVersion), kind: visible(o.Kind), group: visible(o.Group()),
		namespace: visible(o.Namespace), name: visible(o.Name), template: o.Template,
	}
	in.id = visible(o.GroupKind()) + "/" + in.name
	if o.Namespace != "" {
		in.id = visible(o.GroupKind()) + "/" + in.namespace + "/" + in.name
		namespace = o.Namespace
	}
	in.key = strings.Join([]string{o.GroupKind(), namespace, o.Name}, "/")
	return in
}

// data returns what the object holds, without secrets and in order.
func (o *object) data() map[string]any {
	if o.masked == nil {
		o.masked = mask(o.root, "", false, o.rendered.Data).(map[string]any)
		if o.rendered.Kind == "Secret" {
			maskSecret(o.masked, o.rendered.Data)
		}
		o.arrange(o.root, o.masked)
	}
	return o.masked
}

// renderingOf tells objects apart that were rendered at different times.
func renderingOf(o manifest.Object) uintptr { return reflect.ValueOf(o.Data).Pointer() }

// arrange sorts the lists of which only the content counts.
func (o *object) arrange(p *place, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			o.arrange(p.field(name), value)
		}
	case []any:
		for _, item := range v {
			o.arrange(p.item(), item)
		}
		if p.pod || len(v) < 2 {
			return
		}
		kind, keys := listOf(p, v)
		if kind == sequence {
			return
		}
		names := make([]string, len(v))
		if kind == byKey {
			for i, item := range v {
				names[i] = keyOf(p, item.(map[string]any), keys)
			}
		} else {
			names = canonItems(p, v)
			for i, item := range v { // Items that mean the same may be written differently.
				if written, err := json.Marshal(item); err == nil {
					names[i] += " " + string(written)
				}
			}
		}
		from := make([]int, len(v))
		for i := range from {
			from[i] = i
		}
		slices.SortStableFunc(from, func(a, b int) int { return comparePaths(names[a], names[b]) })
		items := slices.Clone(v)
		for i, j := range from {
			v[i] = items[j]
		}
		o.sorted[&v[0]] = from
	}
}

// written returns a path in the object's data as it was rendered.
func (o *object) written(path []string) []string {
	path = slices.Clone(path)
	var at any = o.data()
	for i, name := range path {
		switch v := at.(type) {
		case map[string]any:
			at = v[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(v) {
				return path
			}
			at = v[n]
			if from := o.sorted[&v[0]]; from != nil {
				path[i] = strconv.Itoa(from[n])
			}
		default:
			return path
		}
	}
	return path
}

// get returns what stands at a path of fields, or nil.
func (o *object) get(path ...string) any {
	if o == nil {
		return nil
	}
	return get(o.data(), path...)
}

func get(v any, path ...string) any {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// text returns a scalar as text, and "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func list(v any) []any {
	items, _ := v.([]any)
	return items
}

func fieldsOf(v any) map[string]any {
	fields, _ := v.(map[string]any)
	return fields
}

func (o *object) groupKind() string {
	if o.group == "" {
		return o.kind
	}
	return o.kind + "." + o.group
}

// annotation returns an annotation, which is masked by itself: to know one does not take
// all that the object holds.
func (o *object) annotation(key string) string {
	value := get(o.rendered.Data, "metadata", "annotations", key)
	if value == nil {
		return ""
	}
	return text(mask(o.root.field("metadata").field("annotations").field(key), key, false, value))
}

func (o *object) wave() int {
	n, err := strconv.Atoi(o.annotation("argocd.argoproj.io/sync-wave"))
	if err != nil {
		return 0
	}
	return n
}

// hook is the phase of a sync that runs the object, or "". Argo CD reads Helm's
// annotation where it has none of its own.
func (o *object) hook() string {
	if o == nil {
		return ""
	}
	if hook := o.annotation("argocd.argoproj.io/hook"); hook != "" {
		return hook
	}
	return o.annotation("helm.sh/hook")
}
