package trust_test

import (
	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
)

const noDefault = `policy.default: ""`

// bootstrapAttacks change how objects are read, the settings of Argo CD, and
// admission.
var bootstrapAttacks = []attack{
	// What Argo CD would drop, or refuse.
	{
		name:  "an unknown field",
		edits: []replace{{prodProject, "  signatureKeys:", "  signatureKeyz: []\n  signatureKeys:"}},
		rule:  "unreadable-object", at: prodProject + ":",
	},
	{
		name:  "a field of the wrong type",
		edits: []replace{{prodProject, "  signatureKeys:\n  - keyID: " + testrepo.Key, "  signatureKeys: " + testrepo.Key}},
		// Unreadable, it is no AppProject, and prod has none.
		rule: "unreadable-object missing-project", at: prodProject,
	},
	{
		name:  "an unknown field in bootstrap",
		edits: []replace{{"argocd/bootstrap/delivery.yaml", "readOnlyRootFilesystem", "readOnlyRootFileSystem"}},
		rule:  "unreadable-object", at: "argocd/bootstrap/delivery.yaml:",
	},

	// Settings of Argo CD.
	{
		name:  "Applications in any namespace",
		edits: []replace{{environments, "application.namespaces=", "application.namespaces=*,"}},
		rule:  "open-namespaces", at: environments,
	},
	{
		name:  "Applications in namespaces by expression",
		edits: []replace{{environments, "application.namespaces=", "application.namespaces=/argocd-.*/,"}},
		rule:  "open-namespaces", at: environments,
	},
	{
		name:  "prod's namespace not enabled",
		edits: []replace{{environments, "argocd-prod,", ""}},
		rule:  "not-permitted", at: prodApp,
	},
	{
		name:  "ApplicationSets in any namespace",
		edits: []replace{{paramsCM, "  applicationsetcontroller.enable.scm", "  applicationsetcontroller.namespaces: \"*\"\n  applicationsetcontroller.enable.scm"}},
		rule:  "open-namespaces", at: paramsCM,
	},
	{
		name:  "everyone may sync",
		edits: []replace{{rbacCM, noDefault, "policy.default: role:prod-operator"}},
		rule:  "open-rbac open-token", at: rbacCM + ":",
	},
	{
		name:  "everyone is an admin",
		edits: []replace{{rbacCM, noDefault, "policy.default: role:admin"}},
		rule:  "open-rbac open-token", at: rbacCM + ":",
	},
	{
		name:  "every token reads logs",
		edits: []replace{{rbacCM, noDefault, "policy.default: role:readonly"}},
		rule:  "open-token", at: rbacCM + ":",
	},
	{
		name:  "a token that syncs",
		edits: []replace{{rbacCM, "p, pipeline, applications, get,", "p, pipeline, applications, *,"}},
		rule:  "open-token open-rbac", at: rbacCM + ":",
	},
	{
		name:  "a token that syncs stage",
		edits: []replace{{rbacCM, "policy.csv: |\n", "policy.csv: |\n    g, pipeline, role:stage-operator\n"}},
		rule:  "open-token", at: rbacCM + ":",
	},
	{
		name:  "a token that reads logs",
		edits: []replace{{rbacCM, "policy.csv: |\n", "policy.csv: |\n    p, pipeline, logs, get, dev/*, allow\n"}},
		rule:  "open-token", at: rbacCM + ":",
	},
	{
		name:  "a token that registers clusters",
		edits: []replace{{rbacCM, "policy.csv: |\n", "policy.csv: |\n    p, pipeline, clusters, create, *, allow\n"}},
		rule:  "open-token", at: rbacCM + ":",
	},
	{
		name:  "a token of the administrator",
		edits: []replace{{argocdCM, "accounts.pipeline: apiKey", "accounts.pipeline: apiKey\n  accounts.admin: apiKey, login"}},
		rule:  "open-token", at: argocdCM + ":",
	},
	{
		name:  "operators may override",
		edits: []replace{{rbacCM, "policy.csv: |\n", "policy.csv: |\n    p, role:prod-operator, applications, override, prod/*, allow\n"}},
		rule:  "open-rbac",
	},
	{
		name:  "operators may change projects",
		edits: []replace{{rbacCM, "policy.csv: |\n", "policy.csv: |\n    p, towpath:friends, projects, *, *, allow\n"}},
		rule:  "open-rbac", at: rbacCM,
	},
	{
		name:  "anonymous users",
		edits: []replace{{argocdCM, `users.anonymous.enabled: "false"`, `users.anonymous.enabled: "true"`}},
		rule:  "unsafe-setting", at: argocdCM,
	},
	{
		name:  "no login at all",
		edits: []replace{{paramsCM, `server.disable.auth: "false"`, `server.disable.auth: "true"`}},
		rule:  "unsafe-setting", at: paramsCM,
	},
	{
		name:  "logs for whoever may see an Application",
		edits: []replace{{argocdCM, `server.rbac.log.enforce.enable: "true"`, `server.rbac.log.enforce.enable: "false"`}},
		rule:  "unsafe-setting", at: argocdCM,
	},
	{
		name:  "logs by Argo CD's default",
		edits: []replace{{argocdCM, `  server.rbac.log.enforce.enable: "true"`, ""}},
		rule:  "unsafe-setting",
	},
	{
		name:  "value files by address allowed",
		edits: []replace{{argocdCM, `  helm.valuesFileSchemes: ""`, ""}},
		rule:  "unsafe-setting",
	},
	{
		name:  "the approval number left out",
		edits: []replace{{argocdCM, "\ndata:\n", "\ndata:\n  resource.exclusions: |\n    - {apiGroups: [''], kinds: [ConfigMap], clusters: ['*']}\n"}},
		rule:  "unsafe-setting", at: argocdCM,
	},
	{
		name: "signatures off",
		edits: []replace{{bootstrapK, "patches:\n", `patches:
  - target: {kind: StatefulSet, name: argocd-application-controller}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "ARGOCD_GPG_ENABLED", "value": "false"}}]'
`}},
		rule: "signatures-off", at: bootstrapK,
	},
	{
		name:  "the key missing",
		edits: []replace{{bootstrapK, "170C6F1ADB1B1613=keys", "0123456789ABCDEF=keys"}},
		rule:  "unknown-signature-key",
	},
	{
		name:  "Argo CD from another place",
		edits: []replace{{"argocd/bootstrap/install/kustomization.yaml", "argoproj/argo-cd/206a6eeca509bbf7f239301f3d3fa498c23251a4", "evil/argo-cd/main"}},
		rule:  "bootstrap-not-closed",
	},

	// Admission.
	{
		name:  "no binding for prod",
		edits: []replace{{environments, "- prod/workload.yaml\n", ""}},
		rule:  "unguarded-approval",
	},
	{
		name:  "a binding that only warns",
		edits: []replace{{"argocd/bootstrap/environments/prod/workload.yaml", "  - Deny", "  - Warn"}},
		rule:  "unguarded-approval", at: "argocd/bootstrap/environments/prod/workload.yaml",
	},
	{
		name:  "a binding by a label that can be removed",
		edits: []replace{{"argocd/bootstrap/environments/prod/argocd.yaml", "kubernetes.io/metadata.name: argocd-prod", "guarded: 'yes'"}},
		rule:  "unguarded-approval", at: "argocd/bootstrap/environments/prod/argocd.yaml",
	},
	{
		name:  "a policy that lets errors through",
		edits: []replace{{numberRises, "failurePolicy: Fail", "failurePolicy: Ignore"}},
		rule:  "unguarded-approval",
	},
	{
		name:  "a policy that lets deletions through",
		edits: []replace{{numberRises, "operations: [CREATE, UPDATE, DELETE]", "operations: [CREATE, UPDATE]"}},
		rule:  "unguarded-approval",
	},
}
