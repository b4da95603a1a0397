package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// worldsRollout is where envs/world/env.cue has the order of its regions.
const worldsRollout = "\trollout: [[\"eu\"], [\"us\"]]\n"

// bootstrap runs the command of argocd/bootstrap/README.md once more. Of the outer world the proxy reaches what serves Argo CD's manifests.
func bootstrap(t *testing.T) {
	t.Helper()
	// The Job of the last time goes after a minute, and can't be changed.
	kubectl(t, "-n", "argocd", "wait", "--for=delete", "job/delivery", "--timeout=5m")
	cmd := kubectlCommand("apply", "-k", filepath.Join(clone(), "argocd", "bootstrap"))
	cmd.Env = append(cmd.Env, "HTTPS_PROXY=http://"+here.proxy, "SSL_CERT_FILE="+filepath.Join(*dir, "pki", "hosts-ca.crt"))
	if _, err := output(cmd); err != nil {
		t.Fatal(err)
	}
}

// TestRolloutEndsAndBegins ends the rollout of an environment that runs and begins it again, as docs/fleet.md says. What
// runs in the regions is to notice neither.
func TestRolloutEndsAndBegins(t *testing.T) {
	needsOwnCluster(t, "it takes an environment of two regions, which only the cluster of go run . up has")
	runs := running(t)
	t.Run("ends", func(t *testing.T) {
		happened := tried(t, "an environment that runs ends its rollout")
		approval := rolloutChanges(t, "applicationsets", worldsRollout, "")
		kubectl(t, "-n", world, "delete", "applicationsets.argoproj.io", "--all", "--cascade=orphan")
		worldBecomes(t, approval, "")
		happened("the Applications stay, the root's from now on; Deployments and pods are the same")
		stillRuns(t, runs)

		happened = tried(t, "the next approval after that")
		tune(t, "world", `releases: page: values: text: "ended"`)
		approval = approveWorld(t)
		worldBecomes(t, approval, "")
		happened("it arrives in both regions")
	})
	runs = running(t)
	t.Run("begins", func(t *testing.T) {
		happened := tried(t, "an environment that runs begins with a rollout")
		approval := rolloutChanges(t, "applications", "\n\tdelivery: {", "\n"+worldsRollout+"\tdelivery: {")
		worldBecomes(t, approval, "ApplicationSet ApplicationSet")
		happened("the ApplicationSet takes the Applications over; Deployments and pods are the same")
		stillRuns(t, runs)

		happened = tried(t, "the next approval after that")
		tune(t, "world")
		approval = approveWorld(t)
		refreshWorld(t)
		happened("%s", inOrder(t, approval))
	})
}

// rolloutChanges replaces a text in the file of world, as docs/fleet.md says for a change of its rollout: what makes the
// Applications, or the Applications themselves, are not pruned. It returns the approval.
func rolloutChanges(t *testing.T, keeps, old, replacement string) string {
	t.Helper()
	kubectl(t, "-n", world, "annotate", "--overwrite", keeps+".argoproj.io", "--all", "argocd.argoproj.io/sync-options=Prune=false")
	replaceIn(t, "envs/world/env.cue", old, replacement)
	pushMain(t, "world: another rollout")
	approve(t, "approve", "prod", "--commit", "main", "--no-evidence", "--reason", "it carries AppProjects, and changes no release")
	approved := approvalHead(t)
	prodBecomes(t, 5*time.Minute, func() error {
		return errors.Join(delivered("argocd", "projects", approved)(), delivered("argocd-prod", "service", approved)())
	})
	approval := approveWorld(t)
	bootstrap(t)
	// The programs that read which namespaces have ApplicationSets start anew by themselves.
	kubectl(t, "-n", "argocd", "rollout", "status", "deployment/argocd-applicationset-controller", "--timeout=5m")
	return approval
}

// running are the Deployments and pods of both regions, by their ids, once there is a pod of each and none on its way out.
func running(t *testing.T) (all string) {
	t.Helper()
	eventually(t, 2*time.Minute, func() (err error) {
		all, err = tryKubectl("-n", worldPages, "get", "deployments,pods", "-o", `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid}{"\n"}{end}`)
		if err == nil && strings.Count(all, "Pod ") != 2 {
			err = fmt.Errorf("there are:\n%s", all)
		}
		return err
	})
	return all
}

func stillRuns(t *testing.T, before string) {
	t.Helper()
	if now := running(t); now != before {
		t.Errorf("what ran was\n%s\nand is\n%s", before, now)
	}
}

// worldBecomes waits until both regions are at an approval, and the Applications have these owners.
func worldBecomes(t *testing.T, approval, owners string) {
	t.Helper()
	refreshedUntil(t, 5*time.Minute, func() { refreshWorld(t) }, func() error {
		found, err := tryKubectl("-n", world, "get", "applications.argoproj.io", "-o", "jsonpath={.items[*].metadata.ownerReferences[*].kind}")
		if err == nil && found != owners {
			err = fmt.Errorf("the Applications are owned by %q", found)
		}
		return errors.Join(err, delivered("argocd", "world-root", approval)(), delivered(world, "page-eu", approval)(), delivered(world, "page-us", approval)())
	})
}
