package delivery

import (
	"fmt"
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
)

// project is the AppProject that binds every release of an environment.
func project(env *environment.Environment) object {
	spec := projectSpec(env, fmt.Sprintf("Releases of environment %s", env.Name))
	var destinations []object
	for _, place := range env.Places() {
		destinations = append(destinations, object{"server": place.Server, "namespace": env.Namespace})
	}
	spec["destinations"] = destinations
	spec["sourceNamespaces"] = []string{ApplicationNamespace(env.Name)}
	permitKinds(spec, kinds(env.Delivery.Kinds))
	if windows := syncWindows(env.Delivery.Windows); len(windows) > 0 {
		spec["syncWindows"] = windows
	}
	return appProject(env.Name, spec)
}

// rootProject is the AppProject of an environment's root Application. The root
// of an environment that follows main lets every merge write into argocd-NAME,
// and this is what keeps the merge there.
func rootProject(env *environment.Environment) object {
	spec := projectSpec(env, fmt.Sprintf("Root of environment %s: writes its Applications, nothing else", env.Name))
	spec["destinations"] = []object{{"server": InCluster, "namespace": ApplicationNamespace(env.Name)}}
	kinds := []object{{"group": "argoproj.io", "kind": "Application"}}
	if len(env.Rollout) > 0 {
		// Applications too: those from before the rollout have to go.
		kinds = append(kinds, object{"group": "argoproj.io", "kind": "ApplicationSet"})
	}
	permitKinds(spec, kinds)
	return appProject(Root(env.Name), spec)
}

// projectsProject is the AppProject of the Application that keeps AppProjects.
// It may not write Applications: those in Argo CD's own namespace may use any
// AppProject.
func projectsProject(keeper *environment.Environment) object {
	spec := projectSpec(keeper, fmt.Sprintf("Keeps every AppProject equal to the approvals of environment %s", keeper.Name))
	spec["destinations"] = []object{{"server": InCluster, "namespace": Namespace}}
	permitKinds(spec, []object{{"group": "argoproj.io", "kind": "AppProject"}})
	// No orphanedResources: AppProjects that others made are not ours to report.
	delete(spec, "orphanedResources")
	return appProject(Projects, spec)
}

// defaultProject takes every permission from the AppProject that Argo CD makes
// on its first start, in which any Application may do anything. The empty lists
// are written out, so that applying them replaces what Argo CD wrote; and kinds
// are denied by name, as Argo CD takes a missing list of namespaced kinds for
// permission for all.
func defaultProject() object {
	all := []object{{"group": "*", "kind": "*"}}
	return appProject("default", object{
		"description":                "Permits nothing: every Application belongs to the project of its environment",
		"sourceRepos":                []string{},
		"sourceNamespaces":           []string{},
		"destinations":               []object{},
		"clusterResourceWhitelist":   []object{},
		"clusterResourceBlacklist":   all,
		"namespaceResourceBlacklist": all,
	})
}

func appProject(name string, spec object) object {
	return object{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind":       "AppProject",
		"metadata":   object{"name": name, "namespace": Namespace},
		"spec":       spec,
	}
}

// projectSpec is what every AppProject of an environment has in common: one
// repository, no cluster-wide kinds, the environment's signatures.
func projectSpec(env *environment.Environment, description string) object {
	spec := object{
		"description": description,
		"sourceRepos": []string{env.Delivery.Repository},
		// Written out though empty: Argo CD heals a list that it finds in Git,
		// and leaves alone one that somebody added by hand.
		"clusterResourceWhitelist": []object{},
		"sourceNamespaces":         []string{},
		"orphanedResources":        object{"warn": true},
	}
	var keys []object
	for _, id := range env.Delivery.SignatureKeys {
		keys = append(keys, object{"keyID": id})
	}
	if len(keys) > 0 {
		spec["signatureKeys"] = keys
	}
	return spec
}

func permitKinds(spec object, kinds []object) {
	if len(kinds) == 0 {
		// An empty list is no list to Argo CD, and no list permits everything.
		spec["namespaceResourceBlacklist"] = []object{{"group": "*", "kind": "*"}}
		return
	}
	spec["namespaceResourceWhitelist"] = kinds
}

// kinds splits Kind and Kind.group at the first dot; no kind has one.
func kinds(names []string) []object {
	var out []object
	for _, name := range names {
		kind, group, _ := strings.Cut(name, ".")
		out = append(out, object{"group": group, "kind": kind})
	}
	return out
}

func syncWindows(windows []environment.SyncWindow) []object {
	var out []object
	for _, w := range windows {
		window := object{
			"kind":     w.Kind,
			"schedule": w.Schedule,
			"duration": w.Duration,
			"timeZone": w.TimeZone,
			// A window that names no application binds none.
			"applications": []string{"*"},
		}
		if w.ManualSync {
			window["manualSync"] = true
		}
		out = append(out, window)
	}
	return out
}
