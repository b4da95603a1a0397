package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestManualSync has prod wait for an operator, by a commit and an approval as any other change.
func TestManualSync(t *testing.T) {
	needsProd(t)
	carryImageToProd(t) // Other tests have left another one in stage, and an approval wants it to run there.
	happened := tried(t, "prod gets `sync: \"manual\"` by a commit and an approval; the next approval waits for an operator")
	tokens := accounts(t, map[string]string{"suite-prod": "role:prod-operator"})
	before := evictions(t, "prod")
	tune(t, "prod", `delivery: sync: "manual"`)
	previous := approveUntil(t, func(string) error {
		if text, err := tryKubectl("-n", "argocd-prod", "get", "applications.argoproj.io", "service", "-o", "jsonpath={.spec.syncPolicy.automated}"); err != nil || text != "" {
			return fmt.Errorf("prod still syncs by itself: %s %w", text, err)
		}
		return nil
	})
	back := false
	t.Cleanup(func() {
		if !back {
			tune(t, "prod")
			approveMain(t)
		}
	})
	tune(t, "prod", `delivery: sync: "manual"`, twoEvictions)
	waiting := func(head string) error {
		found, err := readApplication("argocd-prod", "service")
		if err != nil {
			return err
		}
		// The approval before may have been synced by itself yet, in which case that has to end.
		if found.Status.Sync.Status != "OutOfSync" || found.Status.Sync.Revision != head || found.Status.OperationState.Phase == "Running" {
			return fmt.Errorf("prod: %s", found)
		}
		return nil
	}
	head := approveUntil(t, waiting)
	// Argo CD compares it again and again, and does nothing.
	const looks = 5
	for range looks {
		refreshProd(t)
		compared(t, "argocd-prod", "service")
		eventually(t, time.Minute, func() error { return waiting(head) })
		if found, err := readApplication("argocd-prod", "service"); err != nil || found.Status.OperationState.SyncResult.Revision == head {
			t.Fatalf("prod was synced by itself: %s %v", found, err)
		}
	}
	if got := evictions(t, "prod"); got != before {
		t.Fatalf("prod allows %s evictions, and nobody has synced it", got)
	}
	happened("Argo CD compares it %d times and leaves it OutOfSync", looks)
	tooEarly := []attempt{
		{"syncs a waiting prod to main", http.MethodPost, prodApplication("/sync"), syncOf(object{"revision": git(t, "rev-parse", "origin/main")}), "only the head of the approval branch can be synced"},
		{"syncs a waiting prod to the approval before", http.MethodPost, prodApplication("/sync"), syncOf(object{"revision": previous}), "only the head of the approval branch can be synced"},
	}
	areRefused(t, "an operator of prod ", tokens["suite-prod"], append(tooEarly, syncAttempts...))
	areRefused(t, "Argo CD's admin ", adminToken(t), append(tooEarly,
		attempt{"syncs a waiting prod from a laptop, as argocd app sync --local does", http.MethodPost, prodApplication("/sync"), syncOf(object{"manifests": []string{"{}"}}), "Cannot use local sync"},
		attempt{"rolls a waiting prod back in Argo CD's history", http.MethodPost, prodApplication("/rollback"), syncOf(object{"id": firstInHistory(t)}), "denied request"},
	))
	// What the user interface sends on Sync.
	start := time.Now()
	status, answer, err := argoCD(tokens["suite-prod"], http.MethodPost, prodApplication("/sync"), syncOf(object{
		"revision": "refs/heads/" + approvals, "prune": false, "dryRun": false, "resources": nil,
		"strategy": object{"hook": object{"force": false}}, "syncOptions": object{"items": []string{"FailOnSharedResource=true", "PruneLast=true"}},
	}))
	if err != nil || status != http.StatusOK {
		t.Fatalf("the operator's sync: %d %s %v", status, message(answer), err)
	}
	eventually(t, 3*time.Minute, delivered("argocd-prod", "service", head))
	if got := evictions(t, "prod"); got != "2" {
		t.Errorf("prod allows %s evictions after the sync", got)
	}
	happened("an operator's Sync lands the approved commit in %s", seconds(time.Since(start)))
	tune(t, "prod")
	back = true
	approveMain(t)
	if got := evictions(t, "prod"); got != before {
		t.Errorf("prod allows %s evictions, not %s as before", got, before)
	}
	happened("the approval of a commit without that line is synced by itself again")
}

// approveUntil approves main once stage runs it, has Argo CD look, and waits for what is to come of the approval.
func approveUntil(t *testing.T, ask func(approval string) error) string {
	t.Helper()
	stageIsAt(t, git(t, "rev-parse", "HEAD"))
	approve(t, "approve", "prod", "--commit", "main")
	head := approvalHead(t)
	prodBecomes(t, 3*time.Minute, func() error {
		if err := delivered("argocd", "prod-root", head)(); err != nil {
			return err
		}
		return ask(head)
	})
	return head
}

// firstInHistory is the id of the oldest sync that Argo CD remembers of prod.
func firstInHistory(t *testing.T) int {
	t.Helper()
	var history []struct{ ID int }
	text := kubectl(t, "-n", "argocd-prod", "get", "applications.argoproj.io", "service", "-o", "jsonpath={.status.history}")
	if err := json.Unmarshal([]byte(text), &history); err != nil || len(history) == 0 {
		t.Fatalf("prod has no history: %v %s", err, text)
	}
	return history[0].ID
}
