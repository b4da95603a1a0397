package diff

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"gitlab.com/towpath/towpath/gen/kubernetes"
)

// place is somewhere in an object: what the API says of it. The objects of a kind share
// their places, which are made as somebody first gets there.
type place struct {
	t kubernetes.Type
	// definition is the name of the type.
	definition string
	// owner is the place as the tables name it: the definition, or the custom kind,
	// with the fields below it, such as core.v1.PodSpec.tolerations.
	owner string
	// pod is true inside of a pod template, where every difference that the API
	// server keeps, such as the order of a list, makes new pods.
	pod bool
	// free is true where an empty struct may mean something: in custom kinds, and in
	// those of which nothing is known.
	free bool
	// declared is true where the schema names the field; otherwise the name is
	// somebody's choice.
	declared bool
	// fallback is what the API server puts there where nothing is, or nil; fill tells
	// where that depends on the fields beside it.
	fallback any
	fill     func(object map[string]any) any
	// For a place in objects of one namespace, elsewhere is the same in those of any.
	elsewhere *place
	namespace string

	mu     sync.Mutex
	fields atomic.Pointer[map[string]*place]
	items  atomic.Pointer[place]
}

// nowhere is a place of which nothing is known.
var nowhere = &place{}

// kind is what the objects that share their places have in common.
type kind struct{ kubernetes, apiVersion, name, namespace string }

var roots sync.Map // of *place, by kind

// rootOf returns the place of a whole object; namespace is what one gets that names
// none. A kind that is not known is compared by what is there.
func rootOf(api *kubernetes.API, apiVersion, name, namespace string) *place {
	key := kind{apiVersion: apiVersion, name: name, namespace: namespace}
	if api != nil {
		key.kubernetes = api.Version()
	}
	if root, known := roots.Load(key); known {
		return root.(*place)
	}
	var root *place
	if namespace != "" {
		root = rootOf(api, apiVersion, name, "").in(namespace)
	} else {
		root = &place{owner: apiVersion + "." + name, free: true, declared: true}
		if api != nil {
			if t, served := api.Type(apiVersion, name); served {
				root.t, root.definition, root.owner = t, t.Name(), t.Name()
				root.free = isCustom(root.definition)
			}
		}
	}
	known, _ := roots.LoadOrStore(key, root)
	return known.(*place)
}

// in returns the place in objects that are in a namespace.
func (p *place) in(namespace string) *place {
	return &place{
		t: p.t, definition: p.definition, owner: p.owner, pod: p.pod, free: p.free, declared: p.declared,
		fallback: p.fallback, fill: p.fill, elsewhere: p, namespace: namespace,
	}
}

// isCustom tells the definitions of custom kinds, which start with a group and a
// version, from Kubernetes' own.
func isCustom(definition string) bool { return strings.Contains(definition, "/") }

// mostFields is how many fields of a place are remembered. Those that a schema names
// are fewer; names of somebody's choice may be any number.
const mostFields = 256

// field returns the place of a field.
func (p *place) field(name string) *place {
	if known := p.fields.Load(); known != nil {
		if next := (*known)[name]; next != nil {
			return next
		}
	}
	if p.elsewhere != nil && name != "metadata" && name != "namespace" {
		return p.elsewhere.field(name)
	}
	next := p.newField(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	grown := map[string]*place{}
	if known := p.fields.Load(); known != nil {
		if len(*known) >= mostFields {
			return next
		}
		grown = maps.Clone(*known)
	}
	grown[name] = next
	p.fields.Store(&grown)
	return next
}

func (p *place) newField(name string) *place {
	if p.elsewhere != nil {
		next := p.elsewhere.field(name).in(p.namespace)
		if name == "namespace" {
			next.fallback, next.fill = p.namespace, nil
		}
		return next
	}
	t, declared := p.t.Field(name)
	owner := p.owner
	if p.definition != "" {
		owner = p.definition
	}
	next := &place{t: t, definition: t.Name(), owner: owner + "." + name, pod: p.pod, free: p.free, declared: declared}
	switch {
	case !t.Known():
		// Labels and annotations are maps in every kind.
		next.free = !strings.HasSuffix(next.owner, ".metadata") && p.free
	case next.definition != "":
		next.free = isCustom(next.definition)
		next.pod = p.pod || next.definition == "core.v1.PodTemplateSpec"
	}
	if next.fallback = t.Default(); next.fallback == nil {
		if next.fill = fills[p.definition+"."+name]; next.fill == nil {
			next.fallback = defaults[p.definition][name]
		}
	}
	return next
}

// item returns the place of the items of a list.
func (p *place) item() *place {
	if known := p.items.Load(); known != nil {
		return known
	}
	t := p.t.Item()
	next := &place{t: t, definition: t.Name(), owner: p.owner + "[]", pod: p.pod, free: p.free, declared: true}
	if next.definition != "" {
		next.free = isCustom(next.definition)
	}
	p.items.CompareAndSwap(nil, next)
	return p.items.Load()
}

// emptyMeans reports whether an empty struct says something that a missing one
// does not: an empty selector selects everything, a missing one nothing.
func (p *place) emptyMeans() bool {
	switch p.definition {
	case "apis.meta.v1.LabelSelector", "core.v1.EmptyDirVolumeSource":
		return true
	}
	return p.free
}

// filled returns what the API server puts there if object, whose field it is, has
// nothing; or nil.
func (p *place) filled(object map[string]any) any {
	if p.fill != nil {
		return p.fill(object)
	}
	return p.fallback
}

// fills are the fallbacks that depend on other fields.
var fills = map[string]func(object map[string]any) any{
	"core.v1.ServicePort.targetPort":    func(object map[string]any) any { return object["port"] },
	"core.v1.Container.imagePullPolicy": func(object map[string]any) any { return pullPolicy(object["image"]) },
	"networking.v1.NetworkPolicySpec.policyTypes": func(object map[string]any) any {
		if rules, _ := object["egress"].([]any); len(rules) > 0 {
			return []any{"Ingress", "Egress"}
		}
		return []any{"Ingress"}
	},
}

func pullPolicy(image any) any {
	name, _ := image.(string)
	if name == "" {
		return nil
	}
	base := name[strings.LastIndex(name, "/")+1:]
	_, tag, tagged := strings.Cut(base, ":")
	if !strings.Contains(base, "@") && (!tagged || tag == "latest") {
		return "Always"
	}
	return "IfNotPresent"
}
