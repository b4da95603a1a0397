package trust_test

import (
	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
)

// projectAttacks change the AppProjects and the roots.
var projectAttacks = []attack{
	// The AppProject of prod, widened in each way.
	{
		name:  "any source",
		edits: []replace{{prodProject, "  - https://gitlab.com/towpath/towpath.git", "  - '*'"}},
		rule:  "wide-source", at: prodProject,
	},
	{
		name:  "a second repository",
		edits: []replace{{prodProject, "  sourceRepos:\n", "  sourceRepos:\n  - https://example.org/evil.git\n"}},
		rule:  "wide-source", at: prodProject,
	},
	{
		name:  "all repositories but one",
		edits: []replace{{prodProject, "  sourceRepos:\n", "  sourceRepos:\n  - '!https://example.org/evil.git'\n"}},
		rule:  "wide-source", at: prodProject,
	},
	{
		name:  "any namespace",
		edits: []replace{{prodProject, "namespace: towpath-prod", "namespace: '*'"}},
		rule:  "wide-destination", at: prodProject,
	},
	{
		name:  "any cluster",
		edits: []replace{{prodProject, "server: https://kubernetes.default.svc", "server: '*'"}},
		rule:  "wide-destination", at: prodProject,
	},
	{
		name:  "Argo CD's own namespace",
		edits: []replace{{prodProject, "  destinations:\n", "  destinations:\n  - namespace: argocd\n    server: https://kubernetes.default.svc\n"}},
		rule:  "wide-destination", at: prodProject,
	},
	{
		name:  "any kind",
		edits: []replace{{prodProject, "kind: ConfigMap", "kind: '*'"}},
		rule:  "wide-kind", at: prodProject,
	},
	{
		name:  "one more kind",
		edits: []replace{{prodProject, "  namespaceResourceWhitelist:\n", "  namespaceResourceWhitelist:\n  - group: rbac.authorization.k8s.io\n    kind: RoleBinding\n"}},
		rule:  "wide-kind", at: prodProject,
	},
	{
		name: "no list of kinds",
		edits: []replace{{prodProject, `  namespaceResourceWhitelist:
  - group: ""
    kind: ConfigMap
  - group: apps
    kind: Deployment
  - group: ""
    kind: Service
`, ""}},
		rule: "wide-kind", at: prodProject,
	},
	{
		name:  "cluster-wide kinds",
		edits: []replace{{prodProject, "clusterResourceWhitelist: []", "clusterResourceWhitelist: [{group: '*', kind: '*'}]"}},
		rule:  "cluster-kinds", at: prodProject,
	},
	{
		name:  "Applications of another namespace",
		edits: []replace{{prodProject, "  - argocd-prod", "  - argocd-prod\n  - argocd-stage"}},
		rule:  "foreign-namespace", at: prodProject,
	},
	{
		name:  "stage takes Applications of prod's namespace",
		edits: []replace{{"argocd/projects/stage.yaml", "  - argocd-stage", "  - argocd-stage\n  - argocd-prod"}},
		rule:  "foreign-namespace", at: "argocd/projects/stage.yaml",
	},
	{
		name:  "signatures removed",
		edits: []replace{{prodProject, "  signatureKeys:\n  - keyID: " + testrepo.Key + "\n", ""}},
		rule:  "unsigned-project", at: prodProject,
	},
	{
		name:  "signatures removed from the root",
		edits: []replace{{"argocd/projects/prod-root.yaml", "  signatureKeys:\n  - keyID: " + testrepo.Key + "\n", ""}},
		rule:  "unsigned-project", at: "argocd/projects/prod-root.yaml",
	},
	{
		name:  "signatures removed from the projects",
		edits: []replace{{"argocd/projects/projects.yaml", "  signatureKeys:\n  - keyID: " + testrepo.Key + "\n", ""}},
		rule:  "unsigned-project", at: "argocd/projects/projects.yaml",
	},
	{
		name:  "another key",
		edits: []replace{{prodProject, "  - keyID: " + testrepo.Key, "  - keyID: " + testrepo.Key + "\n  - keyID: 4AEE18F83AFDEB23"}},
		rule:  "unknown-signature-key", at: prodProject,
	},
	{
		name:  "a role of the project that may override",
		edits: []replace{{prodProject, "spec:\n", "spec:\n  roles:\n  - name: ci\n    policies:\n    - p, proj:prod:ci, applications, override, prod/*, allow\n"}},
		rule:  "open-rbac",
	},
	{
		name:   "no project",
		remove: []string{prodProject},
		edits:  []replace{{"argocd/projects/kustomization.yaml", "  - prod.yaml\n", ""}},
		rule:   "missing-project", at: prodProject,
	},
	{
		name:  "the project is not applied",
		edits: []replace{{"argocd/projects/kustomization.yaml", "  - prod.yaml\n", ""}},
		rule:  "missing-project", at: prodProject,
	},

	// The project default.
	{
		name:  "default open to sources",
		edits: []replace{{"argocd/projects/default.yaml", "sourceRepos: []", "sourceRepos: ['*']"}},
		rule:  "default-project-open", at: "argocd/projects/default.yaml",
	},
	{
		name:  "default left as Argo CD makes it",
		edits: []replace{{"argocd/projects/default.yaml", "  destinations: []\n", ""}},
		rule:  "default-project-open", at: "argocd/projects/default.yaml",
	},
	{
		name:   "default missing",
		remove: []string{"argocd/projects/default.yaml"},
		edits:  []replace{{"argocd/projects/kustomization.yaml", "  - default.yaml\n", ""}},
		rule:   "default-project-open", at: "argocd/projects/default.yaml",
	},

	// Roots.
	{
		name:  "stage's root writes AppProjects",
		edits: []replace{{stageRoot, "  namespaceResourceWhitelist:\n", "  namespaceResourceWhitelist:\n  - group: argoproj.io\n    kind: AppProject\n"}},
		rule:  "wide-root", at: stageRoot,
	},
	{
		name:  "stage's root writes into argocd",
		edits: []replace{{stageRoot, "namespace: argocd-stage", "namespace: argocd"}},
		// Nor may it write any longer where it should.
		rule: "wide-root not-permitted",
	},
	{
		name:  "stage's root writes into prod's namespace",
		edits: []replace{{stageRoot, "namespace: argocd-stage", "namespace: 'argocd-*'"}},
		rule:  "wide-root", at: stageRoot,
	},
	{
		name:  "prod's root follows main",
		edits: []replace{{"argocd/bootstrap/environments/prod/root.yaml", "refs/heads/env/prod", "main"}},
		rule:  "wrong-revision", at: "argocd/bootstrap/environments/prod/root.yaml",
	},
	{
		name:  "the projects follow main",
		edits: []replace{{"argocd/bootstrap/environments/projects.yaml", "refs/heads/env/prod", "main"}},
		rule:  "wrong-revision", at: "argocd/bootstrap/environments/projects.yaml",
	},
	{
		name:  "stage's root reads prod's Applications",
		edits: []replace{{"argocd/bootstrap/environments/stage/root.yaml", "path: argocd/stage", "path: argocd/prod"}},
		rule:  "other-renderer", at: "argocd/bootstrap/environments/stage/root.yaml",
	},
	{
		name:  "a root of another project",
		edits: []replace{{"argocd/bootstrap/environments/stage/root.yaml", "project: stage-root", "project: projects"}},
		rule:  "foreign-project", at: "argocd/bootstrap/environments/stage/root.yaml",
	},
	{
		name:  "a root without a directory",
		edits: []replace{{"argocd/bootstrap/environments/stage/root.yaml", "    directory:\n      include: '*.yaml'\n      jsonnet: {}\n      recurse: true\n", ""}},
		rule:  "other-renderer",
	},
}
