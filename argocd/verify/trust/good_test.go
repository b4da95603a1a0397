package trust_test

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/argocd/verify/trust"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// kinds are what the chart of the tests creates.
func kinds(*v1alpha1.Application) ([]schema.GroupKind, error) {
	return []schema.GroupKind{{Kind: "ConfigMap"}, {Group: "apps", Kind: "Deployment"}}, nil
}

func check(t *testing.T, repo fs.FS, envs []*environment.Environment) finding.List {
	t.Helper()
	findings, err := trust.Check(trust.Input{
		Repo: repo, Environments: envs, Install: testrepo.SmallInstall(t), Kinds: kinds,
		Now: time.Date(2025, 3, 5, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if _, ok := finding.Lookup(f.Rule); !ok {
			t.Errorf("finding of rule %s, which gen/finding/rules does not have: %v", f.Rule, f)
		}
	}
	return findings
}

func TestGood(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(envs []*environment.Environment){
		"as produced": func([]*environment.Environment) {},
		"prod by hand": func(envs []*environment.Environment) {
			envs[1].Delivery.Sync = "manual"
		},
		"prod in another cluster": func(envs []*environment.Environment) {
			envs[1].Cluster.Server = "https://prod.example:6443"
		},
		"prod at certain hours": func(envs []*environment.Environment) {
			envs[1].Delivery.Windows = []environment.SyncWindow{
				{Kind: "allow", Schedule: "0 9 * * 1-4", Duration: "8h", TimeZone: "Europe/Berlin"},
				{Kind: "deny", Schedule: "0 0 24 12 *", Duration: "72h", TimeZone: "UTC"},
			}
		},
		"once a year": func(envs []*environment.Environment) {
			envs[1].Delivery.Windows = []environment.SyncWindow{{Kind: "allow", Schedule: "0 9 1 3 *", Duration: "1h", TimeZone: "UTC"}}
		},
		"no approvals anywhere": func(envs []*environment.Environment) {
			envs[1].Tier, envs[1].Delivery.Revision, envs[1].Delivery.SignatureKeys = "staging", "main", nil
		},
		"signed commits of main": func(envs []*environment.Environment) {
			envs[2].Delivery.SignatureKeys = []string{testrepo.Key}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			envs := testrepo.Environments()
			change(envs)
			for _, f := range check(t, testrepo.Files(t, envs), envs) {
				t.Error(f)
			}
		})
	}
}

func edited(t *testing.T, files fstest.MapFS, name, from, to string) {
	t.Helper()
	file, ok := files[name]
	if !ok {
		t.Fatalf("no file %s", name)
	}
	before, after, found := cut(string(file.Data), from)
	if !found {
		t.Fatalf("%s has no %q:\n%s", name, from, file.Data)
	}
	files[name] = &fstest.MapFile{Data: []byte(before + to + after)}
}
