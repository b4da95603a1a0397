package trust_test

import (
	"strings"
)

// applicationAttacks change Applications, or add objects where they don't belong.
var applicationAttacks = []attack{
	// Applications.
	{
		name:  "prod at main",
		edits: []replace{{prodApp, "refs/heads/env/prod", "main"}},
		rule:  "wrong-revision", at: prodApp + ":",
	},
	{
		name:  "prod at a commit",
		edits: []replace{{prodApp, "refs/heads/env/prod", strings.Repeat("ab", 20)}},
		rule:  "wrong-revision", at: prodApp,
	},
	{
		name:  "a second source",
		edits: []replace{{prodApp, "  source:\n", "  sources:\n  - repoURL: https://example.org/evil.git\n    path: .\n  source:\n"}},
		rule:  "second-source", at: prodApp,
	},
	{
		name:  "a hydrator",
		edits: []replace{{prodApp, "  source:\n", "  sourceHydrator:\n    drySource: {repoURL: x, targetRevision: main, path: x}\n    syncSource: {targetBranch: x, path: x}\n  source:\n"}},
		rule:  "second-source", at: prodApp,
	},
	{
		name:  "a foreign repository",
		edits: []replace{{prodApp, "https://gitlab.com/towpath/towpath.git", "https://example.org/evil.git"}},
		rule:  "not-permitted", at: prodApp,
	},
	{
		name:  "a Helm parameter",
		edits: []replace{{prodApp, "    helm:\n", "    helm:\n      parameters:\n      - name: image.repository\n        value: example.org/evil\n"}},
		rule:  "value-override", at: prodApp,
	},
	{
		name:  "values in the Application",
		edits: []replace{{prodApp, "    helm:\n", "    helm:\n      valuesObject: {replicas: 0}\n"}},
		rule:  "value-override", at: prodApp,
	},
	{
		name:  "missing value files ignored",
		edits: []replace{{prodApp, "    helm:\n", "    helm:\n      ignoreMissingValueFiles: true\n"}},
		rule:  "value-override", at: prodApp,
	},
	{
		name: "values in the chart's folder",
		add:  map[string]string{"charts/service/.argocd-source-service.yaml": "helm: {parameters: [{name: replicas, value: '0'}]}\n"},
		rule: "value-override", at: "charts/service/.argocd-source-service.yaml",
	},
	{
		name:  "without the approval record",
		edits: []replace{{prodApp, "      - /envs/prod/approval.yaml\n", ""}},
		rule:  "wrong-value-files", at: prodApp,
	},
	{
		name:  "values of stage",
		edits: []replace{{prodApp, "/envs/prod/values/service.yaml", "/envs/stage/values/service.yaml"}},
		rule:  "wrong-value-files", at: prodApp,
	},
	{
		name:  "values by address",
		edits: []replace{{prodApp, "/envs/prod/values/service.yaml", "https://example.org/values.yaml"}},
		rule:  "wrong-value-files", at: prodApp,
	},
	{
		name:  "another chart",
		edits: []replace{{prodApp, "path: charts/service", "path: charts/evil"}},
		rule:  "other-renderer", at: prodApp,
	},
	{
		name:  "a plugin",
		edits: []replace{{prodApp, "    helm:\n", "    plugin: {name: evil}\n    helm:\n"}},
		rule:  "other-renderer", at: prodApp,
	},
	{
		name:  "a kustomization on top",
		edits: []replace{{prodApp, "    helm:\n", "    kustomize: {namePrefix: evil-}\n    helm:\n"}},
		rule:  "other-renderer", at: prodApp,
	},
	{
		name:  "differences ignored",
		edits: []replace{{prodApp, "spec:\n", "spec:\n  ignoreDifferences:\n  - {kind: ConfigMap, jsonPointers: [/data]}\n"}},
		rule:  "ignored-difference", at: prodApp,
	},
	{
		name:  "retries",
		edits: []replace{{prodApp, "retry: {}", "retry: {limit: 5}"}},
		rule:  "loose-sync", at: prodApp,
	},
	{
		name:  "no retry at all, which is five to Argo CD",
		edits: []replace{{prodApp, "    retry: {}\n", ""}},
		rule:  "loose-sync", at: prodApp,
	},
	{
		name:  "an option that skips validation",
		edits: []replace{{prodApp, "    - PruneLast=true", "    - PruneLast=true\n    - Validate=false"}},
		rule:  "loose-sync", at: prodApp,
	},
	{
		name:  "stage no longer heals",
		edits: []replace{{stageApp, "      selfHeal: true\n", ""}},
		rule:  "loose-sync", at: stageApp,
	},
	{
		name:  "reconciling skipped",
		edits: []replace{{prodApp, "metadata:\n", "metadata:\n  annotations: {argocd.argoproj.io/skip-reconcile: \"true\"}\n"}},
		rule:  "loose-sync", at: prodApp,
	},
	{
		name:  "a commit that passes for signed",
		edits: []replace{{prodApp, "metadata:\n", "metadata:\n  annotations: {argocd.argoproj.io/manifest-generate-paths: /charts/service}\n"}},
		rule:  "loose-sync", at: prodApp,
	},
	{
		name:  "a commit whose hooks Argo CD leaves out",
		edits: []replace{{devApp, "metadata:\n", "metadata:\n  annotations: {argocd.argoproj.io/manifest-generate-paths: /charts/service;/envs/dev/values/service.yaml}\n"}},
		rule:  "loose-sync", at: devApp,
	},
	{
		name:  "changes that Argo CD does not see",
		edits: []replace{{stageApp, "manifest-generate-paths: /charts/", "manifest-generate-paths: /docs/"}},
		rule:  "loose-sync", at: stageApp,
	},
	{
		name:  "stage takes prod's namespace",
		edits: []replace{{stageApp, "namespace: towpath-stage", "namespace: towpath-prod"}},
		rule:  "not-permitted", at: stageApp,
	},
	{
		name:  "an Application of prod's project among stage's",
		edits: []replace{{stageApp, "project: stage", "project: prod"}},
		rule:  "foreign-project", at: stageApp,
	},
	{
		name:  "an Application of the project default",
		edits: []replace{{stageApp, "project: stage", "project: default"}},
		rule:  "missing-project", at: stageApp,
	},
	{
		name:  "an Application in prod's namespace among stage's",
		edits: []replace{{stageApp, "namespace: argocd-stage", "namespace: argocd-prod"}},
		rule:  "foreign-namespace", at: stageApp,
	},
	{
		name:  "an Application in Argo CD's namespace among stage's",
		edits: []replace{{stageApp, "namespace: argocd-stage", "namespace: argocd"}},
		rule:  "foreign-namespace", at: stageApp,
	},

	// Objects where they don't belong.
	{
		name: "an AppProject among stage's Applications",
		add: map[string]string{"argocd/stage/project.yaml": `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: prod, namespace: argocd}
spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}
`},
		rule: "unexpected-object", at: "argocd/stage/project.yaml:2",
	},
	{
		name: "an ApplicationSet among stage's Applications",
		add: map[string]string{"argocd/stage/set.yaml": `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, namespace: argocd}
`},
		rule: "unexpected-object", at: "argocd/stage/set.yaml",
	},
	{
		name: "a second Application in a file",
		edits: []replace{{stageApp, "apiVersion:", `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: evil, namespace: argocd-stage}
spec: {project: stage}
---
apiVersion:`}},
		rule: "unexpected-object", at: stageApp,
	},
	{
		name: "a project of nobody",
		add: map[string]string{"argocd/projects/evil.yaml": `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: evil, namespace: argocd}
spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}
`},
		rule: "unexpected-object", at: "argocd/projects/evil.yaml",
	},
	{
		name:  "bootstrap applies a file from above",
		edits: []replace{{environments, "  - dev-root.yaml=dev/root.yaml", "  - dev-root.yaml=dev/root.yaml\n  - evil.yaml=../namespace.yaml"}},
		rule:  "bootstrap-broken",
	},
	{
		name: "bootstrap applies a root of its own",
		add: map[string]string{"argocd/bootstrap/environments/evil.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: evil, namespace: argocd}
spec: {project: prod}
`},
		edits: []replace{{environments, "  - dev-root.yaml=dev/root.yaml", "  - dev-root.yaml=dev/root.yaml\n  - evil.yaml"}},
		rule:  "unexpected-object", at: "argocd/bootstrap/environments/evil.yaml",
	},
	{
		name:  "bootstrap applies what verify does not read",
		add:   map[string]string{"argocd/bootstrap/environments/evil.txt": "kind: AppProject\n"},
		edits: []replace{{environments, "  - dev-root.yaml=dev/root.yaml", "  - dev-root.yaml=dev/root.yaml\n  - evil.yaml=evil.txt"}},
		rule:  "unexpected-object", at: bootstrapK,
	},
}
