package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pushMain makes a commit of what changed, after rendering, and pushes it: a merge request that was merged.
func pushMain(t *testing.T, message string) string {
	t.Helper()
	gen(t, "render")
	git(t, "add", "--all")
	git(t, "commit", "--quiet", "--message="+message)
	git(t, "push", "--quiet", "origin", "main")
	return git(t, "rev-parse", "HEAD")
}

// replaceIn changes a text in a file of the repository.
func replaceIn(t *testing.T, name, old, replacement string) {
	t.Helper()
	file := filepath.Join(clone(), name)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(data), old, replacement, 1)
	if changed == string(data) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestCommitDuringSync pushes a commit while another is synced. It has to be synced as every commit is, with the
// migration, and not healed object by object.
func TestCommitDuringSync(t *testing.T) {
	happened := tried(t, "a commit to main arrives while Argo CD syncs the one before to stage")
	stageAtRest(t)
	gen(t, "release", "stage", "--release", "service", "--image", otherImage(t, "stage"))
	gen(t, "render")
	git(t, "commit", "--quiet", "--all", "--message=stage: another image, for a moment")
	git(t, "revert", "--no-edit", "HEAD")
	git(t, "push", "--quiet", "origin", "HEAD~1:main")
	refresh(t, "argocd-stage", "service")
	eventually(t, time.Minute, syncRuns("argocd-stage", "service"))
	git(t, "push", "--quiet", "origin", "main")
	revision := git(t, "rev-parse", "HEAD")
	start := time.Now()
	during := false
	refreshedUntil(t, 5*time.Minute, func() { askRefresh(t, "argocd-stage", "service", "normal") }, func() error {
		found, err := readApplication("argocd-stage", "service")
		if err != nil {
			return err
		}
		during = during || found.Status.Sync.Revision == revision && found.Status.OperationState.Phase == "Running" && found.Status.OperationState.SyncResult.Revision != revision
		// Before the first sync has changed anything, stage is what the second commit says.
		if sync := found.Status.OperationState; sync.SyncResult.Revision != revision || sync.Phase == "Running" {
			return fmt.Errorf("it is not synced to %.10s: %s", revision, found)
		}
		return delivered("argocd-stage", "service", revision)()
	})
	found, err := readApplication("argocd-stage", "service")
	if err != nil {
		t.Fatal(err)
	}
	sync := found.Status.OperationState
	migrated := slices.ContainsFunc(sync.SyncResult.Resources, func(r struct{ HookType string }) bool { return r.HookType == "Sync" })
	if sync.SyncResult.Revision != revision || len(sync.Operation.Sync.Resources) > 0 || !migrated {
		t.Errorf("the last sync is of %s, of %d objects alone, with the migration: %t", sync.SyncResult.Revision, len(sync.Operation.Sync.Resources), migrated)
	}
	if !during {
		t.Error("Argo CD saw the commit when the sync before was over")
	}
	happened("seen during that sync, and then synced as a whole, with the migration: Healthy %s after the push", seconds(time.Since(start)))
}

func TestChangeByHandIsHealed(t *testing.T) {
	happened := tried(t, "somebody scales stage by hand, and deletes its Service")
	before, err := readDeployment("stage")
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", "towpath-stage", "scale", "deployment/service", fmt.Sprintf("--replicas=%d", before.Spec.Replicas+2))
	took := eventually(t, 2*time.Minute, func() error {
		found, err := readDeployment("stage")
		if err != nil {
			return err
		}
		if found.Spec.Replicas != before.Spec.Replicas {
			return fmt.Errorf("%d replicas instead of %d", found.Spec.Replicas, before.Spec.Replicas)
		}
		return nil
	})
	happened("%d replicas again after %s", before.Spec.Replicas, seconds(took))
	kubectl(t, "-n", "towpath-stage", "delete", "service", "service")
	took = eventually(t, 2*time.Minute, func() error {
		_, err := tryKubectl("-n", "towpath-stage", "get", "service", "service")
		return err
	})
	happened("the Service was back after %s", seconds(took))
	eventually(t, 2*time.Minute, delivered("argocd-stage", "service", ""))
}

func TestRemovedObjectIsPruned(t *testing.T) {
	happened := tried(t, "a commit switches the PodDisruptionBudget of stage off, and another on again")
	kubectl(t, "-n", "towpath-stage", "get", "poddisruptionbudget", "service")
	replaceIn(t, "envs/stage/env.cue", "replicas: 2\n", "replicas: 2\n\t\t\tdisruptionBudget: enabled: false\n")
	revision := pushMain(t, "stage: no PodDisruptionBudget")
	start := time.Now()
	refresh(t, "argocd-stage", "service")
	eventually(t, 2*time.Minute, func() error {
		if _, err := tryKubectl("-n", "towpath-stage", "get", "poddisruptionbudget", "service"); err == nil {
			return errors.New("it is still there")
		}
		return delivered("argocd-stage", "service", revision)()
	})
	happened("gone %s after the push", seconds(time.Since(start)))
	git(t, "revert", "--no-edit", "HEAD")
	git(t, "push", "--quiet", "origin", "main")
	revision = git(t, "rev-parse", "HEAD")
	refresh(t, "argocd-stage", "service")
	eventually(t, 2*time.Minute, func() error {
		if _, err := tryKubectl("-n", "towpath-stage", "get", "poddisruptionbudget", "service"); err != nil {
			return err
		}
		return delivered("argocd-stage", "service", revision)()
	})
	happened("and back")
}
