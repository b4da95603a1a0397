package suite

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stop ends a sync that Argo CD would try again and again, as an operator does in the user interface. Until it is over
// nothing newer is synced.
func stop(t *testing.T, namespace, name, project string) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		status, answer, err := argoCD(adminToken(t), http.MethodDelete, fmt.Sprintf("/api/v1/applications/%s/operation?appNamespace=%s&project=%s", name, namespace, project), nil)
		if err != nil {
			t.Fatal(err)
		}
		said := message(answer)
		switch {
		case status == http.StatusOK, strings.Contains(said, "No operation is in progress"):
			return nil
		// Its controller wrote to the Application each time that the API did. A person ends the sync again.
		case strings.Contains(said, "Too many conflicts"):
			return fmt.Errorf("ending the sync of %s/%s: %d %s", namespace, name, status, said)
		}
		t.Fatalf("ending the sync of %s/%s: %d %s", namespace, name, status, said)
		return nil
	})
}

// pushFiles makes a commit of main with files as they are, and takes it back when the test is over. It is somebody
// who has got past the review.
func pushFiles(t *testing.T, subject string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(clone(), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, "add", "--all")
	git(t, "commit", "--quiet", "--message="+subject)
	git(t, "push", "--quiet", "origin", "main")
	attack := git(t, "rev-parse", "HEAD")
	t.Cleanup(func() {
		git(t, "revert", "--no-edit", attack)
		git(t, "push", "--quiet", "origin", "main")
	})
	return attack
}

// TestApplicationOfStageIsRefused adds Applications to stage's folder that reach for more than stage has. stage's root
// may write them; Argo CD looks at what they ask for.
func TestApplicationOfStageIsRefused(t *testing.T) {
	url := repositoryURL(t)
	type change struct{ what, project, repository, source, server, namespace, message string }
	attacks := map[string]change{
		"project":    {what: "is of project prod", project: "prod", namespace: "towpath-prod", message: "not permitted to use project"},
		"root":       {what: "is of project prod-root", project: "prod-root", namespace: "argocd-prod", message: "not permitted to use project"},
		"projects":   {what: "is of project projects", project: "projects", namespace: "argocd", message: "not permitted to use project"},
		"default":    {what: "is of project default", project: "default", message: "not permitted to use project"},
		"namespace":  {what: "writes to towpath-prod", namespace: "towpath-prod", message: "do not match any of the allowed destinations"},
		"cluster":    {what: "writes to another cluster", server: "https://attack.example:6443", message: "unable to find destination server"},
		"repository": {what: "reads another repository", repository: "https://attack.example/attack.git", message: "is not permitted in project"},
		"plugin":     {what: "is rendered by a plugin", source: "plugin: {name: attack}", message: "plugin"},
	}
	or := func(a, b string) string {
		if a == "" {
			return b
		}
		return a
	}
	files := map[string]string{}
	for name, a := range attacks {
		files["argocd/stage/attack-"+name+".yaml"] = fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: attack-%s, namespace: argocd-stage}
spec:
  project: %s
  destination: {namespace: %s, server: %q}
  source:
    repoURL: %s
    targetRevision: main
    path: charts/service
    %s
  syncPolicy: {automated: {}}
`, name, or(a.project, "stage"), or(a.namespace, "towpath-stage"), or(a.server, "https://kubernetes.default.svc"), or(a.repository, url), or(a.source, "helm: {releaseName: attack}"))
	}
	stageAtRest(t)
	before := stageAndProd(t)
	t.Cleanup(func() {
		refresh(t, "argocd", "stage-root")
		eventually(t, 3*time.Minute, delivered("argocd", "stage-root", git(t, "rev-parse", "HEAD")))
	})
	pushFiles(t, "stage: more Applications", files)
	refresh(t, "argocd", "stage-root")
	for name, a := range attacks {
		t.Run(name, func(t *testing.T) {
			happened := tried(t, "a commit to main adds an Application to argocd-stage that "+a.what)
			var said string
			eventually(t, time.Minute, func() error {
				text, err := condition("argocd-stage", "attack-"+name)
				if err != nil {
					return err
				}
				if !strings.Contains(text, a.message) {
					return fmt.Errorf("it says %q, and not %q", text, a.message)
				}
				said = text
				return nil
			})
			if found, err := readApplication("argocd-stage", "attack-"+name); err != nil || found.Status.OperationState.Phase != "" {
				t.Errorf("it was synced: %s %v", found, err)
			}
			happened("%s", said)
		})
	}
	if now := stageAndProd(t); now != before {
		t.Errorf("objects have changed from\n%s\nto\n%s", before, now)
	}
}

// stageAndProd names all objects in the namespaces of both.
func stageAndProd(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, namespace := range []string{"towpath-stage", "towpath-prod"} {
		fmt.Fprintln(&text, kubectl(t, "-n", namespace, "get", "deployments,statefulsets,jobs,services,configmaps,rolebindings,serviceaccounts", "-o", "name"))
	}
	return text.String()
}

// TestHooksOfStageAreRefused has the chart bring hooks that want more than a release may have.
func TestHooksOfStageAreRefused(t *testing.T) {
	const file = "charts/service/templates/attack.yaml"
	// dev follows main too, and is spared. Argo CD runs hooks only in a sync, for which something else has to differ.
	guarded := func(text string) map[string]string {
		return map[string]string{file: `{{- if eq .Release.Namespace "towpath-stage" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: attack, namespace: towpath-stage}
---
` + text + "{{- end }}\n"}
	}
	stageAtRest(t)
	t.Cleanup(func() {
		stop(t, "argocd-stage", "service", "stage")
		refresh(t, "argocd-stage", "service")
		eventually(t, 5*time.Minute, delivered("argocd-stage", "service", git(t, "rev-parse", "HEAD")))
	})
	t.Run("rights", func(t *testing.T) {
		happened := tried(t, "a commit to main adds hooks to stage: a RoleBinding, a ClusterRoleBinding, and a Job in towpath-prod")
		before := stageAndProd(t)
		attack := pushFiles(t, "stage: hooks", guarded(`apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: attack, namespace: towpath-stage, annotations: {argocd.argoproj.io/hook: PreSync}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: service, namespace: towpath-stage}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: attack, annotations: {argocd.argoproj.io/hook: PreSync}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: service, namespace: towpath-stage}]
---
`+job("attack", "towpath-prod", "", "")))
		refresh(t, "argocd-stage", "service")
		eventually(t, 2*time.Minute, func() error {
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			if found.Status.OperationState.SyncResult.Revision != attack {
				return fmt.Errorf("stage: %s", found)
			}
			text, err := tryKubectl("-n", "argocd-stage", "get", "applications.argoproj.io", "service", "-o", "jsonpath={range .status.operationState.syncResult.resources[?(@.status=='SyncFailed')]}{.kind}: {.message}; {end}")
			if err == nil && strings.Count(text, "not permitted in project") != 3 {
				err = fmt.Errorf("stage: %s: %s", found, text)
			}
			if err == nil {
				happened("%s", text)
			}
			return err
		})
		if now := stageAndProd(t); now != before {
			t.Errorf("objects have changed from\n%s\nto\n%s", before, now)
		}
		stop(t, "argocd-stage", "service", "stage")
	})
	t.Run("privileges", func(t *testing.T) {
		happened := tried(t, "a commit to main adds a hook to stage that runs as root on the node, with the node's disk")
		attack := pushFiles(t, "stage: another hook", guarded(job("attack", "towpath-stage",
			"hostNetwork: true, hostPID: true, volumes: [{name: node, hostPath: {path: /}}],", "securityContext: {privileged: true}, volumeMounts: [{name: node, mountPath: /node}],")))
		t.Cleanup(func() {
			kubectl(t, "-n", "towpath-stage", "delete", "job", "attack", "--ignore-not-found", "--wait=false")
		})
		refresh(t, "argocd-stage", "service")
		eventually(t, 2*time.Minute, func() error {
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			text, err := tryKubectl("-n", "towpath-stage", "get", "events", "--field-selector=involvedObject.kind=Job,involvedObject.name=attack,reason=FailedCreate", "-o", "jsonpath={.items[0].message}")
			if err == nil && !strings.Contains(text, "violates PodSecurity") {
				err = fmt.Errorf("the Job reports %q, and stage is %s", text, found)
			}
			if err == nil {
				happened("%s", text)
			}
			return err
		})
		if pods := kubectl(t, "-n", "towpath-stage", "get", "pods", "-l", "job-name=attack", "-o", "name"); pods != "" {
			t.Errorf("it runs: %s, at %s", pods, attack)
		}
		stop(t, "argocd-stage", "service", "stage")
	})
}

// job is a Job that runs before a sync, with more fields of its pod and container.
func job(name, namespace, pod, container string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s, namespace: %s, annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}}
spec:
  activeDeadlineSeconds: 60
  template:
    spec: {restartPolicy: Never, %s containers: [{name: attack, image: {{ include "service.image" . | toYaml }}, %s args: [version]}]}
`, name, namespace, pod, container)
}

func TestStageCannotReachProd(t *testing.T) {
	happened := tried(t, "a commit to main adds to stage's Applications one in argocd-prod, prod's AppProject without signatures, and a ClusterRoleBinding")
	before := map[string]string{}
	guarded := [][]string{
		{"-n", "argocd", "get", "appprojects.argoproj.io", "prod", "-o", "jsonpath={.spec}"},
		{"-n", "argocd-prod", "get", "applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{end}"},
		{"get", "clusterrolebindings", "attack", "--ignore-not-found", "-o", "name"},
	}
	for _, what := range guarded {
		before[strings.Join(what, " ")] = kubectl(t, what...)
	}
	t.Cleanup(func() {
		// Argo CD would try the attack for three minutes more, and sync nothing else of stage-root's meanwhile.
		stop(t, "argocd", "stage-root", "stage-root")
		refresh(t, "argocd", "stage-root")
		eventually(t, 3*time.Minute, delivered("argocd", "stage-root", git(t, "rev-parse", "HEAD")))
	})
	attack := pushFiles(t, "stage: harmless", map[string]string{
		"argocd/stage/attack-application.yaml": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: attack, namespace: argocd-prod}
spec:
  project: prod
  destination: {namespace: towpath-prod, server: https://kubernetes.default.svc}
  source: {repoURL: ` + repositoryURL(t) + `, path: charts/service, targetRevision: main}
`,
		"argocd/stage/attack-project.yaml": `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: prod, namespace: argocd}
spec:
  destinations: [{namespace: '*', server: '*'}]
  sourceRepos: ['*']
`,
		"argocd/stage/attack-binding.yaml": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: attack}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: towpath-stage}]
`,
	})
	var messages string
	refreshedUntil(t, 2*time.Minute, func() { askRefresh(t, "argocd", "stage-root", "normal") }, func() error {
		found, err := readApplication("argocd", "stage-root")
		if err != nil {
			return err
		}
		operation := found.Status.OperationState
		if operation.SyncResult.Revision != attack || operation.Phase != "Failed" && operation.Phase != "Error" && operation.Phase != "Running" {
			return fmt.Errorf("stage-root: %s", found)
		}
		messages, err = tryKubectl("-n", "argocd", "get", "applications.argoproj.io", "stage-root", "-o", "jsonpath={range .status.operationState.syncResult.resources[?(@.status=='SyncFailed')]}{.kind}: {.message}; {end}")
		if err != nil {
			return err
		}
		if messages == "" {
			return fmt.Errorf("stage-root: %s", found)
		}
		return nil
	})
	happened("stage-root: %s", messages)
	for _, what := range guarded {
		if now := kubectl(t, what...); now != before[strings.Join(what, " ")] {
			t.Errorf("kubectl %s has changed to\n%s", strings.Join(what, " "), now)
		}
	}
}
