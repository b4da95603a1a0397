package bootstrap_test

import (
	"testing"

	"github.com/argoproj/argo-cd/v2/util/assets"
	"github.com/argoproj/argo-cd/v2/util/rbac"
	"k8s.io/client-go/kubernetes/fake"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
)

// TestAccounts asks Argo CD's RBAC engine what the settings mean. That nobody may
// do more to production is the business of package trust; here they may do enough,
// and the account of pipelines no more than that.
func TestAccounts(t *testing.T) {
	t.Parallel()
	objects := build(t, testrepo.Environments(), testrepo.SmallInstall(t))
	if got := data(t, objects, "ConfigMap argocd/argocd-cm")["accounts.pipeline"]; got != "apiKey" {
		t.Errorf("account pipeline can %q; it needs tokens, and nothing to log in with", got)
	}
	settings := data(t, objects, "ConfigMap argocd/argocd-rbac-cm")
	enforcer := rbac.NewEnforcer(fake.NewClientset(), "argocd", "argocd-rbac-cm", nil)
	enforcer.SetDefaultRole(settings[rbac.ConfigMapPolicyDefaultKey])
	if err := enforcer.SetBuiltinPolicy(assets.BuiltinPolicyCSV); err != nil {
		t.Fatal(err)
	}
	if err := enforcer.SetUserPolicy(rbac.PolicyCSV(settings)); err != nil {
		t.Fatal(err)
	}
	const stage, prod = "stage/argocd-stage/service", "prod/argocd-prod/service"
	for _, test := range []struct {
		subject, resource, action, object string
		want                              bool
	}{
		{"pipeline", "applications", "get", stage, true},
		{"pipeline", "applications", "get", prod, true},
		{"pipeline", "applications", "sync", stage, false},
		{"pipeline", "applications", "update", stage, false},
		{"pipeline", "logs", "get", stage, false},
		{"pipeline", "projects", "get", "stage", false},
		{"pipeline", "clusters", "get", "https://kubernetes.default.svc", false},
		{"pipeline", "accounts", "update", "pipeline", false},
		{"towpath:developers", "applications", "get", prod, true},
		{"towpath:developers", "logs", "get", prod, true},
		{"towpath:developers", "applications", "sync", stage, false},
		{"towpath:operators", "applications", "sync", stage, true},
		{"towpath:operators", "applications", "get", prod, true},
		{"towpath:operators", "applications", "sync", prod, false},
		{"towpath:release-managers", "applications", "sync", prod, true},
		{"admin", "accounts", "update", "pipeline", true},
		{"somebody", "applications", "get", stage, false},
	} {
		if got := enforcer.Enforce(test.subject, test.resource, test.action, test.object); got != test.want {
			t.Errorf("%s may %s %s %s: %t, want %t", test.subject, test.action, test.resource, test.object, got, test.want)
		}
	}
}
