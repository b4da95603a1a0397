package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hmarr/codeowners"

	"gitlab.com/towpath/towpath/gen/environment"
)

// TestCodeOwners holds CODEOWNERS against the files that decide what reaches an environment with approvals, and how:
// a developer's approval is not enough for any of them, and nothing else is held up.
func TestCodeOwners(t *testing.T) {
	file, err := os.Open(filepath.Join(root, ".gitlab", "CODEOWNERS"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rules, err := codeowners.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	repo := os.DirFS(root)
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	guarded := []string{"charts", "gen", "argocd/bootstrap", "argocd/projects", "argocd/verify", "envs/contract", "envs/policy", "envs/cue.mod",
		".ci", ".gitlab", ".gitlab-ci.yml", "Dockerfile", "go.mod", "go.sum"}
	free := []string{"service", "README.md"}
	for _, env := range set.Environments {
		of := &free
		if _, approved := env.ApprovalBranch(); approved {
			of = &guarded
		}
		*of = append(*of, env.Dir(), "argocd/"+env.Name)
	}
	owner := func(name string) string {
		rule, err := rules.Match(name)
		if err != nil || rule == nil {
			return ""
		}
		var owners []string
		for _, o := range rule.Owners {
			owners = append(owners, o.String())
		}
		return strings.Join(owners, " ")
	}
	const everybody = "@towpath/developers"
	for _, top := range guarded {
		each(t, repo, top, func(name string) {
			if got := owner(name); got == "" || strings.Contains(got, everybody) {
				t.Errorf("%s is owned by %q; it decides what reaches an environment with approvals", name, got)
			}
		})
	}
	for _, top := range free {
		each(t, repo, top, func(name string) {
			if got := owner(name); got != everybody {
				t.Errorf("%s is owned by %q, not %s", name, got, everybody)
			}
		})
	}
	// A line whose path is gone guards nothing, and looks as if it did.
	for _, rule := range rules {
		name := strings.Trim(rule.RawPattern(), "/")
		if _, err := fs.Stat(repo, name); err != nil && name != "*" {
			t.Errorf("line %d of CODEOWNERS: there is no %s", rule.LineNumber, name)
		}
	}
}

// each calls f with every file below a path.
func each(t *testing.T, repo fs.FS, top string, f func(string)) {
	t.Helper()
	files := 0
	err := fs.WalkDir(repo, top, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
			f(name)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%s has %d files: %v", top, files, err)
	}
}
