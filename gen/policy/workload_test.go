package policy

import "testing"

func role(rule string) string {
	return "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: ops}\nrules: [" + rule + "]\n---\n"
}

func TestRBAC(t *testing.T) {
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: ops}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ops}\n"
	run(t, []ruleTest{
		{"verbs", "wildcard-rbac", role("{apiGroups: [''], resources: [pods], verbs: ['*']}"), []string{"ops rules.0.verbs: "}},
		{"the binding hands it out", "exec-rbac", role("{apiGroups: [''], resources: [pods/attach], verbs: [create]}") + binding,
			[]string{"ops rules.0.resources: ", "ops roleRef: "}},
		{"it may be deleted", "exec-rbac", role("{apiGroups: [''], resources: [pods/exec], verbs: [delete]}"), nil},
		{"the pods of everything", "exec-rbac", role("{apiGroups: [''], resources: ['*/exec'], verbs: [create]}"), []string{"ops rules.0.resources: "}},
		{"the group that may do all", "admin-binding",
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: ops}\n" +
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:masters'}]\n",
			[]string{"ops subjects.0: "}},
		{"a role of the release's own", "admin-binding",
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: ops}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: admin}\n", nil},
	})
}

func TestWorkloads(t *testing.T) {
	cronJob := "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {ttlSecondsAfterFinished: 5, template: {spec: {restartPolicy: Never, containers: []}}}}}\n"
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, annotations: {argocd.argoproj.io/sync-options: 'Delete=false, Prune=false'}}\nspec: {}\n"
	run(t, []ruleTest{
		{"a Service that is not headless", "statefulset-service", service("{ports: [{port: 80}]}") +
			"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: web, selector: {}, template: {}}\n",
			[]string{"db spec.serviceName: the Service web of StatefulSet.apps/db is not headless"}},
		{"data goes with the set", "claim-prune",
			"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: web, selector: {}, template: {}, persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}}\n",
			[]string{"db spec.persistentVolumeClaimRetentionPolicy.whenDeleted: "}},
		{"one option of several", "claim-prune", claim, nil},
		{"the Jobs of a CronJob", "job-ttl", cronJob, []string{"j spec.jobTemplate.spec.ttlSecondsAfterFinished: "}},
		{"a hook of Helm's", "job-ttl",
			"apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: pre-upgrade}}\nspec: {ttlSecondsAfterFinished: 5, template: {spec: {restartPolicy: OnFailure, containers: []}}}\n", nil},
		{"expressions select too", "selector-mismatch",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {selector: {matchExpressions: [{key: app, operator: Exists}]}, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}\n", nil},
	})
}

func TestMetadata(t *testing.T) {
	run(t, []ruleTest{
		{"the pods have one too", "missing-owner",
			"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {towpath.gitlab.io/owner: a}}\nspec: {selector: {}, template: {spec: {containers: []}}}\n",
			[]string{"web spec.template.metadata.labels.towpath.gitlab.io/owner: the pod template of Deployment.apps/web has no owner"}},
		{"a release without the label", "instance-label", podOf(plain), nil},
		{"a key that is none", "label-values", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, labels: {'a b': c}}\n", []string{"web metadata.labels.a b: "}},
		{"somebody else's promise", "unstable-api", "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: web}\nspec: {}\n", nil},
	})
}
