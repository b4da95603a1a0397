package delivery

import (
	"gitlab.com/towpath/towpath/gen/environment"
)

// application is the Argo CD Application of one release.
func application(env *environment.Environment, release environment.Release) object {
	app := template(env, release, env.ClusterOf(release), env.SyncOf(release) == "automated")
	app["apiVersion"], app["kind"] = "argoproj.io/v1alpha1", "Application"
	app["metadata"].(object)["namespace"] = ApplicationNamespace(env.Name)
	return app
}

// template is metadata and spec of a release's Application in a cluster.
func template(env *environment.Environment, release environment.Release, cluster environment.Cluster, automatic bool) object {
	helm := object{
		"releaseName": release.Helm,
		// A leading slash means the root of the repository, wherever the chart
		// lies. A missing file is an error: ignoreMissingValueFiles stays off.
		"valueFiles":  []string{"/" + env.ValuesFile(release.Name)},
		"kubeVersion": cluster.HelmVersion(),
		// Tests are hooks that helm test runs; Argo CD would run them as if they
		// were part of the release.
		"skipTests": true,
	}
	metadata := object{"name": release.Name}
	labels := object{}
	for label, value := range map[string]string{TeamLabel: release.Team, RegionLabel: release.Region} {
		if value != "" {
			labels[label] = value
		}
	}
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	annotate(metadata, Paths(env, Reads(env, release)...))
	_, approved := env.ApprovalBranch()
	if approved {
		helm["valueFiles"] = []string{"/" + env.ValuesFile(release.Name), "/" + env.ApprovalFile()}
	} else {
		// Deleting the Application deletes what it created. Not where approvals
		// rule: there a deleted Application must not take production with it.
		metadata["finalizers"] = []string{"resources-finalizer.argocd.argoproj.io"}
	}
	if len(cluster.APIVersions) > 0 {
		helm["apiVersions"] = cluster.APIVersions
	}
	policy := object{
		"retry": retry(env),
		"syncOptions": []string{
			// An object that two Applications claim would be rewritten by both.
			"FailOnSharedResource=true",
			// What is no longer in Git goes last, once its successor is healthy.
			"PruneLast=true",
			// Not among them, on purpose:
			//   CreateNamespace: bootstrap creates namespaces, with their Pod
			//   Security labels, and the AppProject permits no cluster kinds.
			//   ServerSideApply: Argo CD 2.14 then compares with schemas it was
			//   compiled with, and fails on each field that a newer Kubernetes adds.
			//   ApplyOutOfSyncOnly: a sync would skip objects that look unchanged,
			//   and with them the order of the sync waves.
			//   Replace, Force, Validate=false: they lose data or skip a check.
		},
	}
	if automatic {
		policy["automated"] = automated(env.Delivery.Prune, env.Delivery.SelfHeal)
	}
	return object{
		"metadata": metadata,
		"spec": object{
			"project": env.Name,
			"source": object{
				"repoURL":        env.Delivery.Repository,
				"targetRevision": env.Delivery.Revision,
				"path":           "charts/" + release.Chart,
				"helm":           helm,
			},
			"destination": object{"server": cluster.Server, "namespace": env.Namespace},
			"syncPolicy":  policy,
		},
	}
}

// rootApplication keeps the Applications of an environment equal to argocd/NAME.
// It syncs by itself even where releases wait for an operator: what it writes
// changes nothing in the environment before they sync.
func rootApplication(env *environment.Environment) object {
	return directoryApplication(env, Root(env.Name), ApplicationNamespace(env.Name), object{
		// Explicit, so that no file in the folder makes Argo CD take it for a
		// chart or a kustomization.
		"recurse": true,
		// No Jsonnet; Argo CD would write the empty field anyway.
		"jsonnet": object{},
		// Argo CD's patterns have no separators: this matches in subfolders too.
		"include": "*.yaml",
	}, Dir+"/"+env.Name)
}

// projectsApplication keeps every AppProject equal to the approval branch of
// one environment.
func projectsApplication(keeper *environment.Environment) object {
	return directoryApplication(keeper, Projects, Namespace, object{
		"recurse": true,
		"jsonnet": object{},
		"include": "*.yaml",
		"exclude": "kustomization.yaml",
	}, ProjectsDir)
}

func directoryApplication(env *environment.Environment, name, namespace string, directory object, path string) object {
	metadata := object{"name": name, "namespace": Namespace}
	annotate(metadata, Paths(env, path))
	return object{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind":       "Application",
		"metadata":   metadata,
		"spec": object{
			"project": name,
			"source": object{
				"repoURL":        env.Delivery.Repository,
				"targetRevision": env.Delivery.Revision,
				"path":           path,
				"directory":      directory,
			},
			"destination": object{"server": InCluster, "namespace": namespace},
			"syncPolicy": object{
				"automated":   automated(true, true),
				"retry":       retry(env),
				"syncOptions": []string{"FailOnSharedResource=true"},
			},
		},
	}
}

func automated(prune, selfHeal bool) object {
	policy := object{}
	if prune {
		policy["prune"] = true
	}
	if selfHeal {
		policy["selfHeal"] = true
	}
	return policy
}

// retry says how often a failed sync is tried again.
//
// An environment with signatures gets an empty retry, which Argo CD reads as a
// limit of 0. With any other limit a refused commit keeps its operation running
// from retry to retry, and the good commit that follows waits behind it; without
// a retry at all Argo CD takes 5. The next approval starts a new sync anyway.
func retry(env *environment.Environment) object {
	if len(env.Delivery.SignatureKeys) > 0 {
		return object{}
	}
	return object{
		"limit":   5,
		"backoff": object{"duration": "5s", "factor": 2, "maxDuration": "3m"},
	}
}
