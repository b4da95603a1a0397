package suite

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRecordIsKept has the cluster's administrator, whom Argo CD can't stop, touch the record of prod's approval.
func TestRecordIsKept(t *testing.T) {
	needsProd(t)
	number := approvalNumber(t)
	for _, attack := range []struct {
		what    string
		kubectl []string
		refused string
	}{
		{"deletes the record of prod's approval", []string{"delete", "configmap", "service-approval"}, "must stay"},
		{"deletes all ConfigMaps of prod", []string{"delete", "configmaps", "--all"}, "must stay"},
		{"puts an older number into the record", []string{"patch", "configmap", "service-approval", "--type=merge", `--patch={"data":{"number":"1"}}`}, "is older than approval"},
		{"takes the number out of the record", []string{"patch", "configmap", "service-approval", "--type=json", `--patch=[{"op":"remove","path":"/data/number"}]`}, "must be a whole number"},
		{"replaces the record", []string{"create", "configmap", "service-approval", "--from-literal=number=1"}, "already exists"},
	} {
		t.Run(attack.what, func(t *testing.T) {
			happened := tried(t, "the cluster's administrator "+attack.what+" with kubectl")
			said, err := tryKubectl(append([]string{"-n", "towpath-prod"}, attack.kubectl...)...)
			if err == nil {
				t.Fatalf("it was accepted: %s", said)
			}
			for line := range strings.Lines(err.Error()) {
				if strings.Contains(line, attack.refused) {
					happened("%s", strings.TrimSpace(line))
					return
				}
			}
			t.Errorf("refused for another reason than %q: %v", attack.refused, err)
		})
	}
	if got := approvalNumber(t); got != number {
		t.Errorf("the number is %s, not %s", got, number)
	}
	// All ConfigMaps but the record are gone, if there were others: Argo CD brings them back.
	prodBecomes(t, 3*time.Minute, delivered("argocd-prod", "service", ""))
}

// TestRulesAreHealed has the cluster's administrator change the rules. Nobody refuses that; Argo CD takes it back.
func TestRulesAreHealed(t *testing.T) {
	needsProd(t)
	for _, attack := range []struct {
		what, namespace, resource, name, patch string
	}{
		{"takes the signature keys out of AppProject prod", "argocd", "appprojects.argoproj.io", "prod", `{"spec":{"signatureKeys":null}}`},
		{"has prod's Application follow main", "argocd-prod", "applications.argoproj.io", "service", `{"spec":{"source":{"targetRevision":"main"}}}`},
	} {
		t.Run(attack.what, func(t *testing.T) {
			happened := tried(t, "the cluster's administrator "+attack.what+" with kubectl")
			head := approvalHead(t)
			eventually(t, 2*time.Minute, delivered("argocd-prod", "service", head))
			spec := func() string {
				return kubectl(t, "-n", attack.namespace, "get", attack.resource, attack.name, "-o", "jsonpath={.spec}")
			}
			before := spec()
			kubectl(t, "-n", attack.namespace, "patch", attack.resource, attack.name, "--type=merge", "--patch="+attack.patch)
			took := eventually(t, 2*time.Minute, func() error {
				if now := spec(); now != before {
					return fmt.Errorf("it is %s", now)
				}
				return nil
			})
			eventually(t, 3*time.Minute, delivered("argocd-prod", "service", head))
			if found, err := readApplication("argocd-prod", "service"); err != nil || found.Status.OperationState.SyncResult.Revision != head {
				t.Errorf("prod was synced to something else: %s %v", found, err)
			}
			happened("not refused, and as before after %s", seconds(took))
		})
	}
}

// TestFieldThatGitLacksStays shows the limit of that: Argo CD compares an Application or AppProject, as any object that
// the API server has no schema with merge rules for, in the fields that Git has or had.
func TestFieldThatGitLacksStays(t *testing.T) {
	needsProd(t)
	happened := tried(t, "the cluster's administrator adds a field to prod's Application that Git does not have, with kubectl")
	application := func(args ...string) string {
		return kubectl(t, append([]string{"-n", "argocd-prod"}, args...)...)
	}
	application("patch", "applications.argoproj.io", "service", "--type=merge", `--patch={"spec":{"info":[{"name":"note","value":"by hand"}]}}`)
	t.Cleanup(func() {
		application("patch", "applications.argoproj.io", "service", "--type=merge", `--patch={"spec":{"info":null}}`)
	})
	for range 2 {
		compared(t, "argocd", "prod-root")
	}
	if application("get", "applications.argoproj.io", "service", "-o", "jsonpath={.spec.info}") == "" {
		t.Error("Argo CD has healed it; say so in docs/adopt.md")
	}
	happened("not refused, and it stays: prod is not guarded against an administrator of the cluster")
}
