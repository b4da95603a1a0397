package diff

import (
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes"
)

// place is somewhere in an object: what the API says of it.
type place struct {
	t kubernetes.Type
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
	// namespace is what an object that names none gets.
	namespace string
}

// rootOf returns the place of a whole object. A kind that is not known is compared
// by what is there.
func rootOf(api *kubernetes.API, apiVersion, kind, namespace string) place {
	p := place{owner: apiVersion + "." + kind, free: true, declared: true, namespace: namespace}
	if api != nil {
		if t, served := api.Type(apiVersion, kind); served {
			p.t, p.owner = t, t.Name()
			p.free = isCustom(t.Name())
		}
	}
	return p
}

// isCustom tells the definitions of custom kinds, which start with a group and a
// version, from Kubernetes' own.
func isCustom(definition string) bool { return strings.Contains(definition, "/") }

func (p place) field(name string) place {
	t, declared := p.t.Field(name)
	owner := p.owner
	if p.t.Name() != "" {
		owner = p.t.Name()
	}
	next := place{t: t, owner: owner + "." + name, pod: p.pod, free: p.free, declared: declared}
	switch {
	case !t.Known():
		// Labels and annotations are maps in every kind.
		next.free = !strings.HasSuffix(next.owner, ".metadata") && p.free
	case t.Name() != "":
		next.free = isCustom(t.Name())
		next.pod = p.pod || t.Name() == "core.v1.PodTemplateSpec"
	}
	if p.namespace != "" && name == "metadata" {
		next.namespace = p.namespace
	}
	return next
}

func (p place) item() place {
	t := p.t.Item()
	next := place{t: t, owner: p.owner + "[]", pod: p.pod, free: p.free, declared: true}
	if t.Name() != "" {
		next.free = isCustom(t.Name())
	}
	return next
}

// emptyMeans reports whether an empty struct says something that a missing one
// does not: an empty selector selects everything, a missing one nothing.
func (p place) emptyMeans() bool {
	switch p.t.Name() {
	case "apis.meta.v1.LabelSelector", "core.v1.EmptyDirVolumeSource":
		return true
	}
	return p.free
}

// fallback returns what the API server puts where a field of object is missing, or nil.
func (p place) fallback(object map[string]any, name string) any {
	if p.namespace != "" && name == "namespace" {
		return p.namespace
	}
	if t, _ := p.t.Field(name); t.Default() != nil {
		return t.Default()
	}
	definition := p.t.Name()
	switch definition + "." + name {
	case "core.v1.ServicePort.targetPort":
		return object["port"]
	case "core.v1.Container.imagePullPolicy":
		return pullPolicy(object["image"])
	case "networking.v1.NetworkPolicySpec.policyTypes":
		if rules, _ := object["egress"].([]any); len(rules) > 0 {
			return []any{"Ingress", "Egress"}
		}
		return []any{"Ingress"}
	}
	return defaults[definition][name]
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
