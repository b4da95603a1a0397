package delivery

import (
	"gitlab.com/towpath/towpath/gen/environment"
)

// Names of the admission policies that argocd/bootstrap/admission holds.
const (
	// NumberRises refuses an approval number that falls or disappears.
	NumberRises = "approval-number-rises"
	// ApprovedOnly lets Argo CD's API start no sync but that of the revision
	// that Argo CD found at the head of the approval branch.
	ApprovedOnly = "approved-revision-only"
	// SetsFromGit lets nobody of Argo CD but its application controller, which
	// applies what is in Git, make or change an ApplicationSet.
	SetsFromGit = "applicationsets-from-git"
	// InOrder lets an ApplicationSet sync a region only when the regions before run
	// the same commit, and are healthy.
	InOrder = "regions-in-order"
)

// workloadObjects belong in each cluster that the environment is delivered to.
func workloadObjects(env *environment.Environment, cluster environment.Cluster) []object {
	objects := []object{namespace(env.Namespace, object{
		"pod-security.kubernetes.io/enforce":         "restricted",
		"pod-security.kubernetes.io/enforce-version": "v" + cluster.KubernetesVersion,
	})}
	if _, approved := env.ApprovalBranch(); approved {
		objects = append(objects, binding(NumberRises, env.Name, env.Namespace))
	}
	return objects
}

// argoCDObjects belong in the cluster that Argo CD runs in.
func argoCDObjects(env *environment.Environment) []object {
	labels := object{
		// Applications live here, and no pod ever does.
		"pod-security.kubernetes.io/enforce": "restricted",
	}
	if len(env.Rollout) > 0 {
		labels[RolloutLabel] = "true"
	}
	objects := []object{namespace(ApplicationNamespace(env.Name), labels)}
	if _, approved := env.ApprovalBranch(); approved {
		objects = append(objects, binding(ApprovedOnly, env.Name, ApplicationNamespace(env.Name)))
	}
	return append(objects, ordered(env)...)
}

// remoteCluster is the kustomization that brings workloadObjects to a cluster
// that is not Argo CD's own.
func remoteCluster(place environment.Place) object {
	admission := "../../admission"
	if place.Region != "" {
		admission = "../" + admission
	}
	return object{
		"apiVersion": "kustomize.config.k8s.io/v1beta1",
		"kind":       "Kustomization",
		"resources":  []string{admission, "workload.yaml"},
	}
}

func namespace(name string, labels object) object {
	return object{
		"apiVersion": "v1",
		"kind":       "Namespace",
		"metadata":   object{"name": name, "labels": labels},
	}
}

// binding puts an admission policy in force in one namespace. Namespaces are
// selected by the label that the API server itself keeps equal to their name,
// so that nobody leaves the policy by removing a label.
func binding(policy, env, namespace string) object {
	return object{
		"apiVersion": "admissionregistration.k8s.io/v1",
		"kind":       "ValidatingAdmissionPolicyBinding",
		"metadata":   object{"name": policy + "-" + env},
		"spec": object{
			"policyName":        policy,
			"validationActions": []string{"Deny"},
			"matchResources": object{
				"namespaceSelector": object{
					"matchLabels": object{"kubernetes.io/metadata.name": namespace},
				},
			},
		},
	}
}
