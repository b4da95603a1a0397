package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mergeRequest is an attack by a merge request: it changes files of main.
type mergeRequest struct {
	name string
	// change makes the attack in a copy of the repository.
	change func(t *testing.T, repo string)
	// check and verify are the rules by which gen check and argocd/verify have to
	// refuse it, or "" if it is not for that one to see.
	check, verify string
}

var mergeRequests = []mergeRequest{
	{"prod's AppProject permits one more kind",
		replace("argocd/projects/prod.yaml", "  - group: apps\n    kind: Deployment\n",
			"  - group: apps\n    kind: Deployment\n  - group: rbac.authorization.k8s.io\n    kind: Role\n"),
		"stale-file", "wide-kind"},
	{"prod's AppProject permits any repository",
		replace("argocd/projects/prod.yaml", "  - https://gitlab.com/towpath/towpath.git", "  - '*'"),
		"stale-file", "wide-source"},
	{"prod's AppProject without `signatureKeys`",
		replace("argocd/projects/prod.yaml", "  signatureKeys:\n  - keyID: 170C6F1ADB1B1613\n", ""),
		"stale-file", "unsigned-project"},
	{"prod's AppProject without `signatureKeys`, by CUE",
		replace("envs/prod/env.cue", "\t\tsignatureKeys: [\"170C6F1ADB1B1613\"]\n", ""),
		"broken-rule", "broken-rule"},
	{"prod's Application follows `main`",
		replace("argocd/prod/service.yaml", "refs/heads/env/prod", "main"),
		"stale-file", "wrong-revision"},
	{"prod's Application follows `main`, by CUE",
		replace("envs/prod/env.cue", `revision:     "refs/heads/env/prod"`, `revision:     "main"`),
		"broken-rule", "broken-rule"},
	{"a second source in prod's Application",
		replace("argocd/prod/service.yaml", "  source:\n", "  sources:\n  - repoURL: https://example.org/evil.git\n    path: .\n  source:\n"),
		"stale-file", "second-source"},
	{"Helm parameters in prod's Application",
		replace("argocd/prod/service.yaml", "    helm:\n", "    helm:\n      parameters:\n      - name: image.repository\n        value: example.org/evil\n"),
		"stale-file", "value-override"},
	{"an AppProject in stage's folder",
		add("argocd/stage/evil.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: prod, namespace: argocd}\nspec: {sourceRepos: ['*']}\n"),
		"", "unexpected-object"},
	{"an Application of project prod in stage's folder",
		add("argocd/stage/evil.yaml", application("evil", "argocd-stage", "prod")),
		"", "unexpected-object"},
	{"an Application in stage's folder that takes over prod's name",
		add("argocd/stage/evil.yaml", application("service", "argocd-prod", "prod")),
		"", "foreign-project"},
	{"a template that draws a random value",
		replace("charts/service/templates/service.yaml", "apiVersion: v1\n", "apiVersion: v1\n# {{ randAlphaNum 8 }}\n"),
		"not-hermetic", ""},
	{"a Secret in the chart",
		add("charts/service/templates/token.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {password: correct horse battery staple}\n"),
		"inline-secret", "kind-not-permitted"},
	{"a password in the values",
		replace("envs/prod/env.cue", "\t\tvalues: {\n", "\t\tvalues: {\n\t\t\tconfig: databasePassword: \"correct horse battery staple\"\n"),
		"unknown-field", "unknown-field"},
	{"values edited by hand",
		replace("envs/prod/values/service.yaml", "minReplicas: 3", "minReplicas: 2"),
		"stale-file", ""},
	{"CUE changed, values left as they were",
		replace("envs/prod/env.cue", "minReplicas: 3", "minReplicas: 2"),
		"stale-file", ""},
	{"a tag without digest promoted to prod",
		replace("envs/prod/release.cue", "\t\tdigest:     \"sha256:49d5c577f2810d67653c0031933534b8ce82dffe4676bd0222af797d379fc9fd\"\n", ""),
		"broken-rule", "broken-rule"},
}

// application returns the file of an Application that nobody has asked for.
func application(name, namespace, project string) string {
	return fmt.Sprintf(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: %s, namespace: %s}
spec:
  project: %s
  source: {repoURL: https://gitlab.com/towpath/towpath.git, targetRevision: main, path: charts/service}
  destination: {server: https://kubernetes.default.svc, namespace: towpath-prod}
`, name, namespace, project)
}

// replace changes a text that stands in a file once.
func replace(name, old, by string) func(*testing.T, string) {
	return func(t *testing.T, repo string) {
		t.Helper()
		name := filepath.Join(repo, name)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte(old)); n != 1 {
			t.Fatalf("%s has %q %d times, not once", name, old, n)
		}
		if err := os.WriteFile(name, bytes.Replace(data, []byte(old), []byte(by), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// add writes a new file.
func add(name, content string) func(*testing.T, string) {
	return func(t *testing.T, repo string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(repo, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// attackByMergeRequest makes each attack on a copy of the repository, and returns
// who refused it.
func attackByMergeRequest(t *testing.T, gen, verify string) table {
	t.Helper()
	result := newTable(len(mergeRequests), "a merge request with", "`gen check`", "`argocd/verify`")
	if repo := copyOfRepository(t); len(rules(t, repo, gen, "check", "-o", "json")) > 0 || len(rules(t, repo, verify, "-o", "json")) > 0 {
		t.Fatal("something is wrong without an attack: run gen check, and argocd/verify")
	}
	var mu sync.Mutex
	t.Run("merge request", func(t *testing.T) {
		for i, m := range mergeRequests {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				repo := copyOfRepository(t)
				m.change(t, repo)
				checked, verified := rules(t, repo, gen, "check", "-o", "json"), rules(t, repo, verify, "-o", "json")
				wantRule(t, "gen check", checked, m.check)
				wantRule(t, "argocd/verify", verified, m.verify)
				mu.Lock()
				defer mu.Unlock()
				result.rows[i] = []string{m.name, inCode(checked), inCode(verified)}
			})
		}
	})
	return result
}

// wantRule demands a rule among those that a layer has found broken, or none at all.
func wantRule(t *testing.T, layer string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
		t.Errorf("%s says %q, want %q", layer, got, want)
	}
}

// inCode lists rules for the page.
func inCode(rules []string) string {
	if len(rules) == 0 {
		return passes
	}
	return "`" + strings.Join(rules, "`, `") + "`"
}

// copyOfRepository returns a folder with what gen and argocd/verify read.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	repo := t.TempDir()
	for _, dir := range []string{"envs", "charts", "argocd"} {
		if err := os.CopyFS(filepath.Join(repo, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(repo, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return repo
}

// rules returns the rules of the errors that a program prints as JSON, each once.
func rules(t *testing.T, repo, program string, args ...string) []string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = repo
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 1) {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, stderr.Bytes())
	}
	var findings []struct{ Rule, Severity string }
	if err := json.Unmarshal(out, &findings); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out, stderr.Bytes())
	}
	var ids []string
	for _, f := range findings {
		if f.Severity == "error" && !slices.Contains(ids, f.Rule) {
			ids = append(ids, f.Rule)
		}
	}
	return ids
}
