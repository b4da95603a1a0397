package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestEmergencyByHand does what docs/operate.md says for the day on which Git is gone.
func TestEmergencyByHand(t *testing.T) {
	needsProd(t)
	happened := tried(t, "in an emergency the automated sync of prod-root and then of prod is turned off, as in the user interface, and prod is changed by hand")
	found, err := readDeployment("prod")
	if err != nil {
		t.Fatal(err)
	}
	wanted := found.Spec.Replicas
	scaledTo := func(replicas int) func() error {
		return func() error {
			found, err := readDeployment("prod")
			if err == nil && found.Spec.Replicas != replicas {
				err = fmt.Errorf("prod has %d replicas, not %d", found.Spec.Replicas, replicas)
			}
			return err
		}
	}
	automate := func(namespace, name, project string, automated any) {
		t.Helper()
		patch, err := json.Marshal(object{"spec": object{"syncPolicy": object{"automated": automated}}})
		if err != nil {
			t.Fatal(err)
		}
		status, answer, err := argoCD(adminToken(t), http.MethodPatch, fmt.Sprintf("/api/v1/applications/%s?appNamespace=%s&project=%s", name, namespace, project),
			object{"name": name, "appNamespace": namespace, "project": project, "patch": string(patch), "patchType": "merge"})
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s %v", name, status, message(answer), err)
		}
	}
	on := object{"prune": true, "selfHeal": true}
	over := false
	t.Cleanup(func() {
		if !over {
			automate("argocd", "prod-root", "prod-root", on)
		}
	})
	automate("argocd", "prod-root", "prod-root", nil)
	automate("argocd-prod", "service", "prod", nil)
	kubectl(t, "-n", "towpath-prod", "scale", "deployment/service", fmt.Sprintf("--replicas=%d", wanted+1))
	for range 2 {
		compared(t, "argocd", "prod-root")
		compared(t, "argocd-prod", "service")
		if err := scaledTo(wanted + 1)(); err != nil {
			t.Fatal(err)
		}
	}
	happened("it stays")
	automate("argocd", "prod-root", "prod-root", on)
	over = true
	took := prodBecomes(t, 2*time.Minute, scaledTo(wanted))
	eventually(t, 3*time.Minute, delivered("argocd-prod", "service", approvalHead(t)))
	happened("prod-root's automated sync is turned on again, and everything is as approved after %s", seconds(took))
}
