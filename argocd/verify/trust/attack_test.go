package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// replace is one edit of one file, which has to hold from.
type replace struct{ file, from, to string }

func cut(s, sep string) (before, after string, found bool) { return strings.Cut(s, sep) }

const (
	prodProject  = "argocd/projects/prod.yaml"
	prodApp      = "argocd/prod/service.yaml"
	stageApp     = "argocd/stage/service.yaml"
	devApp       = "argocd/dev/service.yaml"
	stageRoot    = "argocd/projects/stage-root.yaml"
	argocdCM     = "argocd/bootstrap/settings/argocd-cm.yaml"
	paramsCM     = "argocd/bootstrap/settings/argocd-cmd-params-cm.yaml"
	rbacCM       = "argocd/bootstrap/settings/argocd-rbac-cm.yaml"
	bootstrapK   = "argocd/bootstrap/kustomization.yaml"
	environments = "argocd/bootstrap/environments/kustomization.yaml"
	numberRises  = "argocd/bootstrap/admission/approval-number-rises.yaml"
)

// attack is a change to the good repository.
type attack struct {
	name  string
	edits []replace
	// add are new files.
	add map[string]string
	// remove are files to delete.
	remove []string
	// rule must be the rule of every finding.
	rule string
	// at is the beginning of the first finding's position.
	at string
}

// on makes the change to the good repository of the environments, and returns what is
// found.
func (a attack) on(t *testing.T, envs []*environment.Environment) finding.List {
	t.Helper()
	files := testrepo.Files(t, envs)
	for _, e := range a.edits {
		edited(t, files, e.file, e.from, e.to)
	}
	for name, content := range a.add {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	for _, name := range a.remove {
		delete(files, name)
	}
	findings := check(t, files, envs)
	if len(findings) == 0 {
		t.Fatalf("nothing found, want %s", a.rule)
	}
	if got := findings[0].Position.String(); !strings.HasPrefix(got, a.at) {
		t.Errorf("found at %s, want %s", got, a.at)
	}
	return findings
}

// isFirst fails the test unless a rule of the attack is the first that finds something,
// where others may find something besides.
func (a attack) isFirst(t *testing.T, findings finding.List) {
	t.Helper()
	if !slices.Contains(strings.Fields(a.rule), findings[0].Rule) {
		t.Errorf("%v, want %s first", findings[0], a.rule)
	}
	for _, f := range findings[1:] {
		t.Logf("besides: %v", f)
	}
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, attack := range slices.Concat(projectAttacks, applicationAttacks, bootstrapAttacks) {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			findings := attack.on(t, testrepo.Environments())
			want := strings.Fields(attack.rule)
			for _, f := range findings {
				if !slices.Contains(want, f.Rule) {
					t.Errorf("%v, want only %s", f, attack.rule)
				}
			}
			for _, rule := range want {
				found := slices.ContainsFunc(findings, func(f finding.Finding) bool { return f.Rule == rule })
				if !found {
					t.Errorf("no finding of %s", rule)
				}
			}
			if strings.HasSuffix(attack.at, ":") && findings[0].Column == 0 {
				t.Errorf("%v has no column", findings[0])
			}
		})
	}
}

// What no edit of a file shows, but the environments themselves.
func TestEnvironments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(envs []*environment.Environment)
		rule   string
	}{
		{"a production that follows main", func(envs []*environment.Environment) {
			envs[1].Delivery.Revision = "main"
		}, "wrong-revision"},
		{"a production without keys", func(envs []*environment.Environment) {
			envs[1].Delivery.SignatureKeys = nil
		}, "unsigned-project"},
		{"a key that Argo CD does not have", func(envs []*environment.Environment) {
			envs[1].Delivery.SignatureKeys = []string{"8C1D1F5A9B0E4C77"}
		}, "unknown-signature-key"},
		{"two environments in one namespace", func(envs []*environment.Environment) {
			envs[2].Namespace = envs[1].Namespace
		}, "project-namespace-overlap bootstrap-broken"},
		{"syncs denied for ever", func(envs []*environment.Environment) {
			envs[1].Delivery.Windows = []environment.SyncWindow{{Kind: "deny", Schedule: "* * * * *", Duration: "2m", TimeZone: "UTC", ManualSync: true}}
		}, "never-syncs"},
		{"allowed only when denied", func(envs []*environment.Environment) {
			envs[1].Delivery.Windows = []environment.SyncWindow{
				{Kind: "allow", Schedule: "0 9 * * *", Duration: "1h", TimeZone: "Europe/Berlin"},
				{Kind: "deny", Schedule: "0 8 * * *", Duration: "3h", TimeZone: "Europe/Berlin"},
			}
		}, "never-syncs"},
		{"windows that Argo CD takes for one", func(envs []*environment.Environment) {
			envs[1].Delivery.Windows = []environment.SyncWindow{
				{Kind: "allow", Schedule: "0 9 * * *", Duration: "1h", TimeZone: "Europe/Berlin"},
				{Kind: "allow", Schedule: "0 9 * * *", Duration: "1h", TimeZone: "Asia/Tokyo"},
			}
		}, "unreadable-object"},
		{"a kind that is not permitted", func(envs []*environment.Environment) {
			envs[1].Delivery.Kinds = []string{"ConfigMap"}
		}, "kind-not-permitted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			envs := testrepo.Environments()
			test.change(envs)
			findings := check(t, testrepo.Files(t, envs), envs)
			if len(findings) == 0 {
				t.Fatalf("nothing found, want %s", test.rule)
			}
			var rules []string
			for _, f := range findings {
				rules = append(rules, fmt.Sprint(f))
			}
			for _, f := range findings {
				if !slices.Contains(strings.Fields(test.rule), f.Rule) {
					t.Fatalf("found, want only %s:\n%s", test.rule, strings.Join(rules, "\n"))
				}
			}
		})
	}
}
