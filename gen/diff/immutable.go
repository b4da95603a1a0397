package diff

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// immutable says which fields of a kind can't change while the object lives. Paths
// are names with dots, and mean all below them.
type immutable struct {
	kind string
	// paths are the fields that can't change; except are those below them that can.
	paths, except []string
	// when, if set, says of which objects and changes it is true.
	when func(before, after *object, e edit) bool
	// source is the function that refuses it, in k8s.io/kubernetes.
	source string
}

// immutables are the rules of the kinds that an application has. A change that is
// missing here shows as a change, and the API server refuses it.
var immutables = []immutable{
	{kind: "Deployment.apps", paths: []string{"spec.selector"}, source: "pkg/registry/apps/deployment/strategy.go ValidateUpdate"},
	{kind: "DaemonSet.apps", paths: []string{"spec.selector"}, source: "pkg/registry/apps/daemonset/strategy.go ValidateUpdate"},
	{kind: "ReplicaSet.apps", paths: []string{"spec.selector"}, source: "pkg/registry/apps/replicaset/strategy.go ValidateUpdate"},
	{
		kind: "StatefulSet.apps", paths: []string{"spec"},
		except: []string{
			"spec.replicas", "spec.ordinals", "spec.template", "spec.updateStrategy", "spec.revisionHistoryLimit",
			"spec.persistentVolumeClaimRetentionPolicy", "spec.minReadySeconds",
		},
		source: "pkg/apis/apps/validation/validation.go ValidateStatefulSetUpdate",
	},
	{
		kind: "Job.batch", when: func(before, _ *object, _ edit) bool { return !isRemade(before) },
		paths: []string{
			"spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy", "spec.backoffLimitPerIndex",
			"spec.managedBy", "spec.successPolicy", "spec.completions",
		},
		source: "pkg/apis/batch/validation/validation.go ValidateJobSpecUpdate",
	},
	{
		kind: "PersistentVolumeClaim", paths: []string{"spec"},
		except: []string{"spec.resources", "spec.volumeAttributesClassName"},
		source: "pkg/apis/core/validation/validation.go ValidatePersistentVolumeClaimUpdate",
	},
	{
		kind: "PersistentVolumeClaim", paths: []string{"spec.resources.requests.storage"},
		when: func(_, _ *object, e edit) bool { return less(e.after, e.before) }, source: "the same; a volume grows only",
	},
	{
		kind: "PersistentVolume", paths: []string{"spec"},
		except: []string{
			"spec.capacity", "spec.accessModes", "spec.claimRef", "spec.persistentVolumeReclaimPolicy", "spec.mountOptions",
			"spec.storageClassName", "spec.volumeAttributesClassName",
		},
		source: "pkg/apis/core/validation/validation.go ValidatePersistentVolumeUpdate",
	},
	{
		kind: "Service", paths: []string{"spec.clusterIP", "spec.clusterIPs"},
		when: func(_, _ *object, e edit) bool {
			return e.before != nil && e.after != nil // The API server keeps the address that it gave.
		},
		source: "pkg/apis/core/validation/validation.go ValidateServiceClusterIPsRelatedFields",
	},
	{kind: "ConfigMap", paths: []string{"data", "binaryData", "immutable"}, when: wasImmutable, source: "pkg/apis/core/validation/validation.go ValidateConfigMapUpdate"},
	{kind: "Secret", paths: []string{"data", "stringData", "immutable"}, when: wasImmutable, source: "pkg/apis/core/validation/validation.go ValidateSecretUpdate"},
	{kind: "Secret", paths: []string{"type"}, source: "pkg/apis/core/validation/validation.go ValidateSecretUpdate"},
	{
		kind: "StorageClass.storage.k8s.io", paths: []string{"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"},
		source: "pkg/apis/storage/validation/validation.go ValidateStorageClassUpdate",
	},
	{kind: "RoleBinding.rbac.authorization.k8s.io", paths: []string{"roleRef"}, source: "pkg/apis/rbac/validation/validation.go ValidateRoleBindingUpdate"},
	{kind: "ClusterRoleBinding.rbac.authorization.k8s.io", paths: []string{"roleRef"}, source: "pkg/apis/rbac/validation/validation.go ValidateClusterRoleBindingUpdate"},
	{kind: "PriorityClass.scheduling.k8s.io", paths: []string{"value", "preemptionPolicy"}, source: "pkg/apis/scheduling/validation/validation.go ValidatePriorityClassUpdate"},
	{kind: "RuntimeClass.node.k8s.io", paths: []string{"handler"}, source: "pkg/apis/node/validation/validation.go ValidateRuntimeClassUpdate"},
	{kind: "IngressClass.networking.k8s.io", paths: []string{"spec.controller"}, source: "pkg/apis/networking/validation/validation.go ValidateIngressClassUpdate"},
	{kind: "EndpointSlice.discovery.k8s.io", paths: []string{"addressType"}, source: "pkg/apis/discovery/validation/validation.go ValidateEndpointSliceUpdate"},
	{
		kind: "CustomResourceDefinition.apiextensions.k8s.io", paths: []string{"spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"},
		source: "k8s.io/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go ValidateCustomResourceDefinitionUpdate",
	},
	{
		kind: "Pod", paths: []string{"spec"},
		except: []string{"spec.containers.image", "spec.initContainers.image", "spec.activeDeadlineSeconds", "spec.tolerations", "spec.terminationGracePeriodSeconds"},
		source: "pkg/apis/core/validation/validation.go ValidatePodUpdate",
	},
}

func wasImmutable(before, _ *object, e edit) bool {
	return before.get("immutable") == true && !(e.path.names() == "immutable" && e.before == nil)
}

// isRemade reports whether a hook is made anew at each sync, so that nothing of it
// has to stay.
func isRemade(o *object) bool {
	policy := o.annotation("argocd.argoproj.io/hook-delete-policy") + o.annotation("helm.sh/hook-delete-policy")
	// Both Argo CD and Helm delete a hook before the next one unless told otherwise.
	return o.hook() != "" && (policy == "" || strings.Contains(policy, "BeforeHookCreation") || strings.Contains(policy, "before-hook-creation") ||
		strings.Contains(strings.ToLower(policy), "succeeded"))
}

// refused returns the changes that need the object to be made anew.
func refused(before, after *object, edits []edit) []edit {
	var found []edit
	for _, rule := range immutables {
		if rule.kind != before.groupKind() {
			continue
		}
		for _, e := range edits {
			if isBelow(e.path.names(), rule.paths) && !isBelow(e.path.names(), rule.except) && !e.order &&
				(rule.when == nil || rule.when(before, after, e)) {
				found = append(found, e)
			}
		}
	}
	return found
}

func isBelow(names string, paths []string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return names == path || strings.HasPrefix(names, path+".") })
}

// less compares amounts such as 1Gi; what is none is not less than anything.
func less(a, b any) bool {
	x, err := resource.ParseQuantity(text(a))
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(text(b))
	return err == nil && x.Cmp(y) < 0
}
