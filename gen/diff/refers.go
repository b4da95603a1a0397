package diff

import (
	"encoding/json"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// podPaths tell where the kinds that run containers keep their pod.
var podPaths = map[string][]string{
	"Pod":              {},
	"Deployment.apps":  {"spec", "template"},
	"StatefulSet.apps": {"spec", "template"},
	"DaemonSet.apps":   {"spec", "template"},
	"ReplicaSet.apps":  {"spec", "template"},
	"Job.batch":        {"spec", "template"},
	"CronJob.batch":    {"spec", "jobTemplate", "spec", "template"},
}

// pod returns the pod that an object makes, or nil.
func (o *object) pod() map[string]any {
	if o == nil {
		return nil
	}
	path, runs := podPaths[o.groupKind()]
	if !runs {
		return nil
	}
	return fieldsOf(o.get(path...))
}

// release is what refers looks for objects in.
type release struct{ objects []*object }

// refers returns the ids of the objects that one selects, mounts, scales or routes
// to, ordered.
func (r release) refers(o *object) []string {
	found := map[string]bool{}
	r.selects(o, found)
	r.names(o, "", o.data(), found)
	delete(found, o.id)
	return slices.Sorted(maps.Keys(found))
}

// selects adds what the object finds by labels.
func (r release) selects(o *object, found map[string]bool) {
	var selector labels.Selector
	pods := true
	switch o.groupKind() {
	case "Service":
		if chosen := fieldsOf(o.get("spec", "selector")); len(chosen) > 0 {
			selector = labels.SelectorFromSet(labelsOf(chosen))
		}
	case "NetworkPolicy.networking.k8s.io":
		selector = selectorOf(o.get("spec", "podSelector"))
	case "PodDisruptionBudget.policy", "PodMonitor.monitoring.coreos.com":
		selector = selectorOf(o.get("spec", "selector"))
	case "ServiceMonitor.monitoring.coreos.com":
		selector, pods = selectorOf(o.get("spec", "selector")), false
	}
	if selector == nil {
		return
	}
	for _, other := range r.objects {
		if other.namespace != o.namespace {
			continue
		}
		if pod := other.pod(); pods && pod != nil && selector.Matches(labelsOf(fieldsOf(get(pod, "metadata", "labels")))) {
			found[other.id] = true
		}
		if !pods && other.groupKind() == "Service" && selector.Matches(labelsOf(fieldsOf(other.get("metadata", "labels")))) {
			found[other.id] = true
		}
	}
}

func labelsOf(fields map[string]any) labels.Set {
	set := labels.Set{}
	for name, value := range fields {
		set[name] = text(value)
	}
	return set
}

// selectorOf reads a selector with matchLabels and matchExpressions; nil selects
// nothing.
func selectorOf(v any) labels.Selector {
	fields, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	var selector metav1.LabelSelector
	if encoded, err := json.Marshal(fields); err != nil || json.Unmarshal(encoded, &selector) != nil {
		return nil
	}
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return nil
	}
	return parsed
}

// named are the fields that hold the name of an object, alone or in a struct, and
// the kinds it may be of. A Secret is the one that an ExternalSecret makes.
var named = map[string][]string{
	"serviceAccountName":    {"ServiceAccount"},
	"serviceAccount":        {"ServiceAccount"},
	"configMap":             {"ConfigMap"},
	"configMapRef":          {"ConfigMap"},
	"configMapKeyRef":       {"ConfigMap"},
	"secret":                {"Secret"},
	"secretName":            {"Secret"},
	"secretRef":             {"Secret"},
	"secretKeyRef":          {"Secret"},
	"imagePullSecrets":      {"Secret"},
	"persistentVolumeClaim": {"PersistentVolumeClaim"},
	"claimName":             {"PersistentVolumeClaim"},
	"serviceName":           {"Service"},
	"service":               {"Service"},
	"backendRefs":           {"Service"},
	"parentRefs":            {"Gateway.gateway.networking.k8s.io"},
	"secretStoreRef":        {"SecretStore.external-secrets.io", "ClusterSecretStore.external-secrets.io"},
	"scaleTargetRef":        {"Deployment.apps", "StatefulSet.apps"},
	"targetRef":             {"Deployment.apps", "StatefulSet.apps", "Service"},
	"roleRef":               {"Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io"},
	"subjects":              {"ServiceAccount"},
}

// names adds what the object names.
func (r release) names(o *object, field string, v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if name := text(v["name"]); name != "" {
			r.find(o, named[field], text(v["kind"]), name, found)
		}
		for key, value := range v {
			if key != "metadata" && key != "status" {
				r.names(o, key, value, found)
			}
		}
	case []any:
		for _, item := range v {
			r.names(o, field, item, found)
		}
	case string:
		r.find(o, named[field], "", v, found)
	}
}

func (r release) find(o *object, kinds []string, kind, name string, found map[string]bool) {
	for _, other := range r.objects {
		if other == o || other.namespace != o.namespace && other.namespace != "" {
			continue
		}
		for _, wanted := range kinds {
			is := wanted == other.groupKind() && name == other.name && (kind == "" || kind == other.kind)
			if is || wanted == "Secret" && name == makes(other) {
				found[other.id] = true
			}
		}
	}
}

// makes returns the name of the Secret that an object asks an operator for, or "".
func makes(o *object) string {
	switch o.groupKind() {
	case "ExternalSecret.external-secrets.io":
		if name := text(o.get("spec", "target", "name")); name != "" {
			return name
		}
		return o.name
	case "Certificate.cert-manager.io":
		return text(o.get("spec", "secretName"))
	}
	return ""
}
