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

const approvals = "env/prod"

// approve runs gen approve, or gen rollback, with the key of this cluster and Argo CD's word on stage. Where there is
// no such word the test has failed, and goes on without it to try the rest.
func approve(t *testing.T, args ...string) string {
	t.Helper()
	env := []string{"ARGOCD_SERVER=" + here.argoCD, "ARGOCD_AUTH_TOKEN=" + pipelineToken(t)}
	if args[0] == "approve" {
		args = append(args, argoCDAuthority()...)
	}
	text, err := tryRun(env, here.gen, args...)
	if err != nil && args[0] == "approve" && strings.Contains(err.Error(), "--no-evidence") {
		t.Error(err)
		text, err = tryRun(env, here.gen, append(args, "--no-evidence", "--reason", "the suite goes on without")...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// argoCDAuthority is the option by which gen trusts Argo CD's certificate.
func argoCDAuthority() []string {
	if here.authority == "" {
		return nil
	}
	return []string{"--argocd-ca", here.authority}
}

// approveMain approves what main is once stage runs it, waits until prod runs that, and returns the approval.
func approveMain(t *testing.T) string {
	t.Helper()
	stageIsAt(t, git(t, "rev-parse", "HEAD"))
	approve(t, "approve", "prod", "--commit", "main")
	approval := approvalHead(t)
	prodBecomes(t, 5*time.Minute, delivered("argocd-prod", "service", approval))
	return approval
}

// stageIsAt has Argo CD look at main, and waits until everything in stage is at a commit.
func stageIsAt(t *testing.T, revision string) {
	t.Helper()
	names := strings.Fields(kubectl(t, "-n", "argocd-stage", "get", "applications.argoproj.io", "-o", "jsonpath={.items[*].metadata.name}"))
	for _, name := range names {
		refresh(t, "argocd-stage", name)
	}
	for _, name := range names {
		eventually(t, 5*time.Minute, delivered("argocd-stage", name, revision))
	}
}

// stageAtRest waits until stage runs what main is, and nothing is under way there: no sync, no hook, no pod that comes or
// goes.
func stageAtRest(t *testing.T) {
	t.Helper()
	stageIsAt(t, git(t, "rev-parse", "HEAD"))
	eventually(t, 5*time.Minute, func() error {
		found, err := readApplication("argocd-stage", "service")
		if err == nil && found.Status.OperationState.Phase == "Running" {
			err = fmt.Errorf("stage is synced: %s", found)
		}
		return err
	})
	eventually(t, 5*time.Minute, settled("stage"))
}

// approvalHead is the last commit of the approval branch.
func approvalHead(t *testing.T) string {
	t.Helper()
	git(t, "fetch", "--quiet", "origin")
	return git(t, "rev-parse", "origin/"+approvals)
}

// tuned is a file that changes an environment without touching a pod, whatever its env.cue says of pods.
func tuned(env string) string { return filepath.Join(clone(), "envs", env, "suite.cue") }

// twoEvictions has the PodDisruptionBudget of the service let two pods be evicted at once.
const twoEvictions = "releases: service: values: disruptionBudget: maxUnavailable: 2"

// tune makes a commit of main with more settings of an environment, and returns it. Without any, it takes those of
// the last time back.
func tune(t *testing.T, env string, settings ...string) string {
	t.Helper()
	if len(settings) == 0 {
		if err := os.Remove(tuned(env)); err != nil {
			t.Fatal(err)
		}
		return pushMain(t, env+": as before")
	}
	text := fmt.Sprintf("package %s\n\nimport \"%s/envs/contract\"\n\n// Written by a test.\ncontract.#Environment & {\n\t%s\n}\n",
		env, moduleOf(t), strings.Join(settings, "\n\t"))
	if err := os.WriteFile(tuned(env), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return pushMain(t, env+": "+strings.Join(settings, ", "))
}

// moduleOf is the name of the repository's Go module, which is also that of its CUE.
func moduleOf(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(clone(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "module"))
}

// evictions is how many pods of an environment may be evicted at once.
func evictions(t *testing.T, env string) string {
	t.Helper()
	return kubectl(t, "-n", "towpath-"+env, "get", "poddisruptionbudget", "service", "-o", "jsonpath={.spec.maxUnavailable}")
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
	for _, app := range [][2]string{{"argocd", "prod-root"}, {"argocd", "projects"}, {"argocd-prod", "service"}} {
		refreshSigned(t, app[0], app[1])
	}
}

// refreshSigned has Argo CD look at approvals now, unless it has no such Application, as nothing is approved yet, or is
// about to sync it, after which it looks anyway.
func refreshSigned(t *testing.T, namespace, name string) {
	t.Helper()
	if found, err := readApplication(namespace, name); err == nil && found.Status.OperationState.Phase != "Running" {
		askRefresh(t, namespace, name, "normal")
	}
}

// prodBecomes has Argo CD look at the approval branch until the answer is nil, and returns how long that took.
func prodBecomes(t *testing.T, limit time.Duration, ask func() error) time.Duration {
	t.Helper()
	return refreshedUntil(t, limit, func() { refreshProd(t) }, ask)
}

func TestUnsignedCommitIsRefused(t *testing.T) {
	happened := tried(t, "somebody pushes main to the approval branch, without a signature")
	git(t, "fetch", "--quiet", "origin")
	happened("%s", refusedByRoot(t, git(t, "rev-parse", "origin/main")))
}

func TestApprovalReachesProd(t *testing.T) {
	happened := tried(t, "`gen approve prod --commit main`: signed, with Argo CD's word that stage runs it")
	carryImageToProd(t)
	start := time.Now()
	said := approve(t, "approve", "prod", "--commit", "main")
	approved := time.Since(start)
	revision := approvalHead(t)
	took := prodBecomes(t, 5*time.Minute, delivered("argocd-prod", "service", revision))
	happened("approved in %s; Synced and Healthy %s after the push", seconds(approved), seconds(took))
	if said != "" {
		happened("%s", said)
	}
	// The Service is new: DNS and the nodes hear of it when they hear, after an outage of the API server a minute later.
	answered := eventually(t, time.Minute, func() error {
		status, body, err := get("prod", "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("prod answers %d %s", status, body)
		}
		return err
	})
	happened("it answered by its name after waiting %s more", seconds(answered))
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
	releaseProd(t, image)
	if git(t, "status", "--porcelain") != "" {
		pushMain(t, "prod: the image of stage")
	}
	stageIsAt(t, git(t, "rev-parse", "HEAD"))
}

// releaseProd writes an image into prod's environment.
func releaseProd(t *testing.T, image string) {
	t.Helper()
	gen(t, "release", "prod", "--image", image, "--force", "--reason", "the suite promotes without a merge request")
}

func TestReplayIsRefused(t *testing.T) {
	happened := tried(t, "the approval branch is moved back to an older signed approval")
	older := approvalHead(t)
	number := approvalNumber(t)
	// A second approval, of a commit that changes prod.
	tune(t, "prod", twoEvictions)
	newer := approveMain(t)
	if got := evictions(t, "prod"); got != "2" {
		t.Fatalf("prod allows %s evictions: the second approval did not arrive", got)
	}
	// The attack.
	if refused := moveApprovals(t, older); refused != "" {
		happened("%s", refused)
		return
	}
	t.Cleanup(func() {
		moveApprovals(t, newer)
		prodBecomes(t, 3*time.Minute, delivered("argocd-prod", "service", newer))
	})
	var message string
	prodBecomes(t, 2*time.Minute, func() error {
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
	if got := evictions(t, "prod"); got != "2" {
		t.Errorf("prod allows %s evictions: the replay was applied", got)
	}
	if got := approvalNumber(t); got == number {
		t.Errorf("the number fell to %s", got)
	}
}

// approvalNumber is that of the approval which prod runs.
func approvalNumber(t *testing.T) string {
	t.Helper()
	return kubectl(t, "-n", "towpath-prod", "get", "configmap", "service-approval", "-o", "jsonpath={.data.number}")
}

func TestRollback(t *testing.T) {
	happened := tried(t, "`gen rollback prod`: the release before the last, approved anew")
	if got := evictions(t, "prod"); got != "2" {
		t.Fatalf("prod allows %s evictions: the release to go back from is not there", got)
	}
	start := time.Now()
	approve(t, "rollback", "prod", "--yes")
	approved := time.Since(start)
	revision := approvalHead(t)
	took := prodBecomes(t, 3*time.Minute, delivered("argocd-prod", "service", revision))
	if got := evictions(t, "prod"); got == "2" {
		t.Errorf("prod allows %s evictions, and not what the release before did", got)
	}
	happened("approved in %s; Synced and Healthy %s after the push", seconds(approved), seconds(took))
	// As one does on main after a rollback.
	tune(t, "prod")
}
