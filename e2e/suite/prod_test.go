package suite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const approvals = "env/prod"

// approve runs gen approve, or gen rollback, with the key of this cluster and Argo CD's word on stage. Where there is
// no such word the test has failed, and goes on without it to try the rest.
func approve(t *testing.T, args ...string) string {
	t.Helper()
	env := []string{
		"ARGOCD_SERVER=" + config.Outside.ArgoCD, "ARGOCD_AUTH_TOKEN=" + pipelineToken(t),
		"GEN_SIGNING_KEY=" + filepath.Join(*dir, "keys", "approval.asc"),
	}
	if args[0] == "approve" {
		args = append(args, "--argocd-ca", filepath.Join(*dir, "pki", "ca.crt"))
	}
	text, err := tryRun(env, config.Programs["gen"], args...)
	if err != nil && args[0] == "approve" && strings.Contains(err.Error(), "--no-evidence") {
		t.Error(err)
		text, err = tryRun(env, config.Programs["gen"], append(args, "--no-evidence", "--reason", "the suite goes on without")...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// condition is the first error that an Application reports.
func condition(namespace, name string) (string, error) {
	found, err := readApplication(namespace, name)
	if err != nil {
		return "", err
	}
	for _, condition := range found.Status.Conditions {
		if strings.HasSuffix(condition.Type, "Error") {
			return condition.Message, nil
		}
	}
	return "", fmt.Errorf("%s/%s reports no error: %s", namespace, name, found)
}

// refreshProd has Argo CD look at the approval branch now.
func refreshProd(t *testing.T) {
	t.Helper()
	for _, root := range []string{"prod-root", "projects"} {
		refresh(t, "argocd", root)
	}
	if _, err := readApplication("argocd-prod", "service"); err == nil {
		refresh(t, "argocd-prod", "service")
	}
}

func TestUnsignedCommitIsRefused(t *testing.T) {
	happened := tried(t, "somebody pushes main to the approval branch, without a signature")
	git(t, "fetch", "--quiet", "origin")
	happened("prod-root: %s", refusedByRoot(t, git(t, "rev-parse", "origin/main")))
}

func TestApprovalReachesProd(t *testing.T) {
	happened := tried(t, "`gen approve prod --commit main`: signed, with Argo CD's word that stage runs it")
	carryImageToProd(t)
	start := time.Now()
	said := approve(t, "approve", "prod", "--commit", "main")
	approved := time.Since(start)
	git(t, "fetch", "--quiet", "origin")
	revision := git(t, "rev-parse", "origin/"+approvals)
	start = time.Now()
	eventually(t, 5*time.Minute, func() error {
		refreshProd(t)
		return delivered("argocd-prod", "service", revision)()
	})
	happened("approved in %s; Synced and Healthy %s after the push", seconds(approved), seconds(time.Since(start)))
	if said != "" {
		happened("%s", said)
	}
	status, body, err := get("prod", "/readyz")
	if err != nil || status != 200 {
		t.Errorf("prod answers %d %s %v", status, body, err)
	}
	happened("record: %s", git(t, "log", "-1", "--format=%(trailers:only,unfold,separator=%x2C )", "origin/"+approvals))
}

// carryImageToProd promotes what stage runs, as far as prod does not have it.
func carryImageToProd(t *testing.T) {
	t.Helper()
	found, err := readDeployment("stage")
	if err != nil {
		t.Fatal(err)
	}
	image := found.Spec.Template.Spec.Containers[0].Image
	gen(t, "release", "prod", "--image", image, "--force", "--reason", "the suite promotes without a merge request")
	if git(t, "status", "--porcelain") != "" {
		pushMain(t, "prod: the image of stage")
	}
	revision := git(t, "rev-parse", "HEAD")
	refresh(t, "argocd-stage", "service")
	eventually(t, 3*time.Minute, delivered("argocd-stage", "service", revision))
}

func TestReplayIsRefused(t *testing.T) {
	happened := tried(t, "the approval branch is moved back to an older signed approval")
	git(t, "fetch", "--quiet", "origin")
	older := git(t, "rev-parse", "origin/"+approvals)
	// A second approval, of a commit that changes prod.
	replaceIn(t, "envs/prod/env.cue", "replicas: 3\n", "replicas: 2\n")
	pushMain(t, "prod: two pods")
	refresh(t, "argocd-stage", "service")
	eventually(t, 3*time.Minute, delivered("argocd-stage", "service", git(t, "rev-parse", "HEAD")))
	approve(t, "approve", "prod", "--commit", "main")
	git(t, "fetch", "--quiet", "origin")
	newer := git(t, "rev-parse", "origin/"+approvals)
	eventually(t, 3*time.Minute, func() error {
		refreshProd(t)
		return delivered("argocd-prod", "service", newer)()
	})
	// The attack.
	git(t, "push", "--quiet", "--force", "origin", older+":refs/heads/"+approvals)
	t.Cleanup(func() {
		git(t, "push", "--quiet", "--force", "origin", newer+":refs/heads/"+approvals)
		eventually(t, 3*time.Minute, func() error {
			refreshProd(t)
			return delivered("argocd-prod", "service", newer)()
		})
	})
	var message string
	eventually(t, 2*time.Minute, func() error {
		refreshProd(t)
		found, err := readApplication("argocd-prod", "service")
		if err != nil {
			return err
		}
		operation := found.Status.OperationState
		if operation.Phase != "Failed" && operation.Phase != "Error" || operation.SyncResult.Revision != older {
			return fmt.Errorf("prod: %s", found)
		}
		message = operation.Message
		detail, err := tryKubectl("-n", "argocd-prod", "get", "applications.argoproj.io", "service", "-o", "jsonpath={.status.operationState.syncResult.resources[?(@.status=='SyncFailed')].message}")
		if err == nil && detail != "" {
			message = detail
		}
		return nil
	})
	happened("refused: %s", message)
	found, err := readDeployment("prod")
	if err != nil {
		t.Fatal(err)
	}
	if found.Spec.Replicas != 2 {
		t.Errorf("prod has %d replicas: the replay was applied", found.Spec.Replicas)
	}
	if number := kubectl(t, "-n", "towpath-prod", "get", "configmap", "service-approval", "-o", "jsonpath={.data.number}"); number == "1" {
		t.Error("the number fell")
	}
}

func TestRollback(t *testing.T) {
	happened := tried(t, "`gen rollback prod`: the release before the last, approved anew")
	git(t, "fetch", "--quiet", "origin")
	start := time.Now()
	approve(t, "rollback", "prod", "--yes")
	approved := time.Since(start)
	git(t, "fetch", "--quiet", "origin")
	revision := git(t, "rev-parse", "origin/"+approvals)
	start = time.Now()
	eventually(t, 3*time.Minute, func() error {
		refreshProd(t)
		return delivered("argocd-prod", "service", revision)()
	})
	took := time.Since(start)
	found, err := readDeployment("prod")
	if err != nil {
		t.Fatal(err)
	}
	if found.Spec.Replicas != 3 {
		t.Errorf("prod has %d replicas, not those of the release before", found.Spec.Replicas)
	}
	happened("approved in %s; Synced and Healthy %s after the push", seconds(approved), seconds(took))
}
