package suite

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
	"gitlab.com/towpath/towpath/e2e/load"
)

// A bad image never takes a request, and what is wrong is said where people look.
func TestBadImage(t *testing.T) {
	needsOwnCluster(t, "the load has to come from the cluster's network")
	t.Run("never ready", func(t *testing.T) {
		happened := tried(t, "a commit to main with an image for stage that never becomes ready, under load")
		before, l := releaseBad(t, brokenImage())
		var health string
		eventually(t, 2*time.Minute, func() error {
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			if health = found.Status.Health.Status; health != "Progressing" {
				return errors.New(found.String())
			}
			health += ", " + healthOf(found, "Deployment")
			return unchanged(before, 1)
		})
		happened("Argo CD: %s", health)
		// The chart's deadline is five minutes. It is cut short by hand, which Argo CD mends a moment later.
		eventually(t, 2*time.Minute, func() error {
			if _, err := tryKubectl("-n", "towpath-stage", "patch", "deployment", "service", "--patch", `{"spec": {"progressDeadlineSeconds": 1}}`); err != nil {
				return err
			}
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			if health = found.Status.Health.Status; health != "Degraded" {
				return errors.New(found.String())
			}
			health += ", " + healthOf(found, "Deployment")
			return unchanged(before, 1)
		})
		happened("past the deadline: %s", health)
		mendStage(t, happened, l)
	})
	t.Run("not there", func(t *testing.T) {
		happened := tried(t, "a commit to main with an image for stage that can't be pulled, under load")
		before, l := releaseBad(t, "registry.gitlab.com/towpath/towpath/service:0.9.0@sha256:"+strings.Repeat("0", 64))
		var waiting, said string
		eventually(t, 3*time.Minute, func() (err error) {
			if waiting, err = tryKubectl("-n", "towpath-stage", "get", "pods", "-l", "app.kubernetes.io/name=service-migration", "-o", "jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}"); err != nil {
				return err
			}
			if waiting != "ImagePullBackOff" {
				return fmt.Errorf("the migration's pod waits for %q", waiting)
			}
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			said = fmt.Sprintf("%s and %s, sync %s: %s", found.Status.Sync.Status, found.Status.Health.Status, found.Status.OperationState.Phase, found.Status.OperationState.Message)
			return unchanged(before, 0)
		})
		happened("Argo CD: %s; the migration's pod: %s", said, waiting)
		// The sync waits for the migration, ten minutes and then again, and the revert for the sync.
		revision := revertLast(t)
		refresh(t, "argocd-stage", "service")
		token := adminToken(t)
		const address = "/api/v1/applications/service"
		eventually(t, time.Minute, func() error {
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				return err
			}
			if found.Status.Sync.Revision != revision || found.Status.OperationState.Phase != "Running" {
				return fmt.Errorf("the revert is not seen, or does not wait: %s", found)
			}
			return nil
		})
		happened("the revert waits behind that")
		start := time.Now()
		status, answer, err := argoCD(token, http.MethodDelete, address+"/operation?appNamespace=argocd-stage&project=stage", nil)
		if err != nil || status != http.StatusOK {
			t.Fatalf("Terminate: %d %s %v", status, answer, err)
		}
		eventually(t, time.Minute, func() error {
			status, answer, err := argoCD(token, http.MethodPost, address+"/sync", map[string]any{"name": "service", "appNamespace": "argocd-stage", "project": "stage", "prune": true})
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("Sync: %d %s", status, answer)
			}
			return err
		})
		eventually(t, 5*time.Minute, inTurn(delivered("argocd-stage", "service", revision), settled("stage")))
		happened("%s; after Terminate and Sync, as the user interface has them, it was in force within %s", noneFailed(t, l), seconds(time.Since(start)))
	})
}

func brokenImage() string {
	tagged := "registry.gitlab.com/towpath/towpath/service:" + cluster.BrokenVersion
	return tagged + "@" + state.Images[tagged]
}

// releaseBad pushes an image for stage, under load, and returns the pods that there were.
func releaseBad(t *testing.T, image string) ([]pod, *load.Load) {
	t.Helper()
	eventually(t, 3*time.Minute, settled("stage"))
	before, err := servicePods("stage")
	if err != nil {
		t.Fatal(err)
	}
	l := underLoad(t, "stage")
	gen(t, "release", "stage", "--release", "service", "--image", image)
	pushMain(t, "stage: a bad image")
	refresh(t, "argocd-stage", "service")
	return before, l
}

// unchanged is nil if all pods that there were are ready still, and as many are there besides, which are not.
func unchanged(before []pod, besides int) error {
	now, err := servicePods("stage")
	if err != nil {
		return err
	}
	old := 0
	for _, p := range now {
		was := slices.ContainsFunc(before, func(b pod) bool { return b.uid == p.uid })
		if was {
			old++
		}
		if p.ready != was || p.ending {
			return fmt.Errorf("of %+v there are now %+v", before, now)
		}
	}
	if old != len(before) || len(now) != old+besides {
		return fmt.Errorf("of %+v there are now %+v", before, now)
	}
	return nil
}

// mendStage takes the last commit back, and ends the load that must not have noticed anything.
func mendStage(t *testing.T, happened func(string, ...any), l *load.Load) {
	t.Helper()
	revision := revertLast(t)
	start := time.Now()
	refreshedUntil(t, 5*time.Minute, func() { askRefresh(t, "argocd-stage", "service", "normal") }, inTurn(delivered("argocd-stage", "service", revision), settled("stage")))
	took := time.Since(start)
	happened("%s; the revert was in force %s after its push", noneFailed(t, l), seconds(took))
}

// revertLast takes the last commit of main back, and returns the commit that does.
func revertLast(t *testing.T) string {
	t.Helper()
	git(t, "revert", "--no-edit", "HEAD")
	git(t, "push", "--quiet", "origin", "main")
	return git(t, "rev-parse", "HEAD")
}

// healthOf is what an Application says of one of its objects.
func healthOf(a application, kind string) string {
	for _, resource := range a.Status.Resources {
		if resource.Kind == kind {
			return resource.Health.Message
		}
	}
	return ""
}
