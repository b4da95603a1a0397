package trust_test

import (
	"testing"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// regional returns the environments of the tests with prod in two regions, one of
// them in Argo CD's own cluster, where an operator presses Sync.
func regional() []*environment.Environment {
	envs := testrepo.Environments()
	prod := envs[1]
	prod.Regions = map[string]environment.Region{
		"eu": {Cluster: environment.Cluster{Server: "https://eu.example:6443", KubernetesVersion: "1.34"}, Sync: "automated"},
		"us": {Cluster: environment.Cluster{Server: delivery.InCluster, KubernetesVersion: "1.33"}, Sync: "manual"},
	}
	prod.Releases = []environment.Release{
		{Name: "service-eu", Helm: "service", Region: "eu", Chart: "service"},
		{Name: "service-us", Helm: "service", Region: "us", Chart: "service"},
	}
	return envs
}

func TestRegions(t *testing.T) {
	t.Parallel()
	envs := regional()
	for _, f := range check(t, testrepo.Files(t, envs), envs) {
		t.Error(f)
	}
}

func TestRegionAttacks(t *testing.T) {
	t.Parallel()
	const eu, us = "argocd/prod/service-eu.yaml", "argocd/prod/service-us.yaml"
	for _, attack := range []attack{
		{
			name:  "one region's Application in the cluster of another",
			edits: []replace{{eu, "server: https://eu.example:6443", "server: " + delivery.InCluster}},
			rule:  "not-permitted", at: eu + ":",
		},
		{
			name:  "a region's Application in a cluster that is no region's",
			edits: []replace{{eu, "server: https://eu.example:6443", "server: https://else.example:6443"}},
			rule:  "not-permitted", at: eu + ":",
		},
		{
			name:  "the values of another region",
			edits: []replace{{eu, "/envs/prod/values/service-eu.yaml", "/envs/prod/values/service-us.yaml"}},
			rule:  "wrong-value-files", at: eu + ":",
		},
		{
			name:  "another name for Helm",
			edits: []replace{{eu, "releaseName: service", "releaseName: service-eu"}},
			rule:  "value-override", at: eu + ":",
		},
		{
			name:  "the Kubernetes version of another region",
			edits: []replace{{eu, "kubeVersion: 1.34.0", "kubeVersion: 1.33.0"}},
			rule:  "value-override", at: eu + ":",
		},
		{
			name:  "a region that syncs by itself, where an operator has to",
			edits: []replace{{us, "  syncPolicy:\n", "  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n"}},
			rule:  "loose-sync", at: us + ":",
		},
		{
			name:  "an Application for no region",
			edits: []replace{{us, "name: service-us", "name: service-asia"}},
			rule:  "unexpected-object", at: us,
		},
		{
			name:  "one more cluster in the AppProject",
			edits: []replace{{prodProject, "    server: https://eu.example:6443\n", "    server: https://eu.example:6443\n  - namespace: towpath-prod\n    server: https://else.example:6443\n"}},
			rule:  "wide-destination", at: prodProject + ":",
		},
		{
			name:  "every cluster in the AppProject",
			edits: []replace{{prodProject, "    server: https://eu.example:6443\n", "    server: '*'\n"}},
			rule:  "wide-destination", at: prodProject + ":",
		},
		{
			name:  "the cluster of a region left out of the AppProject",
			edits: []replace{{prodProject, "  - namespace: towpath-prod\n    server: https://eu.example:6443\n", ""}},
			rule:  "not-permitted", at: eu + ":",
		},
		{
			name:  "no guard in the region that is Argo CD's own cluster",
			edits: []replace{{environments, "- prod/us/workload.yaml\n", ""}},
			rule:  "unguarded-approval", at: "argocd/bootstrap",
		},
		{
			name: "an ApplicationSet beside the Applications",
			add: map[string]string{"argocd/prod/fleet.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: fleet, namespace: argocd-prod}\n" +
				"spec: {generators: [{clusters: {}}], template: {metadata: {name: '{{name}}'}, spec: {project: prod}}}\n"},
			rule: "unexpected-object", at: "argocd/prod/fleet.yaml",
		},
	} {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			attack.isFirst(t, attack.on(t, regional()))
		})
	}
}

// Two environments may not share a namespace in any of their clusters.
func TestRegionOverlap(t *testing.T) {
	t.Parallel()
	envs := regional()
	stage := envs[2]
	stage.Cluster.Server, stage.Namespace = "https://eu.example:6443", "towpath-prod"
	findings := check(t, testrepo.Files(t, envs), envs)
	if len(findings) == 0 || findings[0].Rule != "project-namespace-overlap" {
		t.Errorf("found %v, want project-namespace-overlap", findings)
	}
}
