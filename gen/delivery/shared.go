package delivery

import (
	"bytes"
	"fmt"
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/values"
)

// environmentsComponent is the kustomize component with which bootstrap takes
// in the environments: their namespaces and bindings, their root Applications,
// and the settings of Argo CD that list environments.
func environmentsComponent(all []*environment.Environment) object {
	var resources, roots, namespaces, rollouts []string
	for _, env := range all {
		resources = append(resources, env.Name+"/argocd.yaml")
		for _, place := range env.Places() {
			if place.Server == InCluster {
				resources = append(resources, placeDir(env, place)+"/workload.yaml")
			}
		}
		roots = append(roots, Root(env.Name)+".yaml="+env.Name+"/root.yaml")
		namespaces = append(namespaces, ApplicationNamespace(env.Name))
		if len(env.Rollout) > 0 {
			rollouts = append(rollouts, ApplicationNamespace(env.Name))
		}
	}
	// Each namespace by name: Argo CD takes * and /regular expressions/ too.
	listed := strings.Join(namespaces, ",")
	settings := []string{"application.namespaces=" + listed}
	patches := []object{
		startsAnew("StatefulSet", "argocd-application-controller", listed),
		startsAnew("Deployment", "argocd-notifications-controller", listed),
		startsAnew("Deployment", "argocd-server", listed),
	}
	if len(rollouts) > 0 {
		listed := strings.Join(rollouts, ",")
		settings = append(settings, "applicationsetcontroller.namespaces="+listed)
		patches = append(patches, startsAnew("Deployment", "argocd-applicationset-controller", listed))
	}
	if _, ok := projectsKeeper(all); ok {
		roots = append(roots, Projects+".yaml")
	}
	// The settings join ConfigMaps of Argo CD, which it finds by their names:
	// they keep them, without the hash of their content.
	fixedName := object{"disableNameSuffixHash": true}
	return object{
		"apiVersion": "kustomize.config.k8s.io/v1alpha1",
		"kind":       "Component",
		"resources":  resources,
		"patches":    patches,
		"configMapGenerator": []object{
			{"name": "delivery-roots", "namespace": Namespace, "files": roots},
			{
				"name": "argocd-cmd-params-cm", "namespace": Namespace, "behavior": "merge", "options": fixedName,
				"literals": settings,
			},
			{
				"name": "argocd-rbac-cm", "namespace": Namespace, "behavior": "merge", "options": fixedName,
				"files": []string{"policy.environments.csv=policy.csv"},
			},
		},
	}
}

// startsAnew is the kustomize patch by which the pods of Argo CD that read a list of
// namespaces, which they do when they start, are replaced when that list changes.
func startsAnew(kind, name, namespaces string) object {
	patch := fmt.Sprintf("apiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: {template: {metadata: {annotations: {%s: %q}}}}\n",
		kind, name, Namespace, NamespacesAnnotation, namespaces)
	return object{"patch": patch}
}

// projectsComponent is the kustomize component that hands every AppProject to
// the Job of bootstrap.
func projectsComponent(all []*environment.Environment) object {
	files := []string{"default.yaml"}
	for _, env := range all {
		files = append(files, env.Name+".yaml", Root(env.Name)+".yaml")
	}
	if _, ok := projectsKeeper(all); ok {
		files = append(files, Projects+".yaml")
	}
	return object{
		"apiVersion":         "kustomize.config.k8s.io/v1alpha1",
		"kind":               "Component",
		"configMapGenerator": []object{{"name": "delivery-projects", "namespace": Namespace, "files": files}},
	}
}

// operators is a role per environment that may sync its releases and do nothing
// else to them: no override, no other source, no deletion.
func operators(all []*environment.Environment) []byte {
	var csv bytes.Buffer
	csv.WriteString(values.Header("envs"))
	for _, env := range all {
		role := fmt.Sprintf("role:%s-operator", env.Name)
		fmt.Fprintf(&csv, "p, %s, applications, sync, %s/%s/*, allow\n", role, env.Name, ApplicationNamespace(env.Name))
		fmt.Fprintf(&csv, "g, %s, role:readonly\n", role)
	}
	return csv.Bytes()
}
