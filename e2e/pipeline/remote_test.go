package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The remote refuses what GitLab refuses, and remembers what it takes.
func TestProtect(t *testing.T) {
	requireProgram(t, "git")
	base := t.TempDir()
	r := &Repository{Dir: filepath.Join(base, "clone"), Origin: filepath.Join(base, "origin.git"), home: base}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git(t, "init", "-q", "-b", "main")
	r.Git(t, "commit", "-q", "--allow-empty", "-m", "one")
	r.Git(t, "init", "-q", "--bare", "-b", "main", r.Origin)
	r.Git(t, "remote", "add", "origin", r.Origin)
	r.Git(t, "push", "-q", "origin", "main")
	r.Protect(t, "the-token")
	push := func(token string, args ...string) string {
		cmd := exec.Command("git", append([]string{"push", "-q", "origin"}, args...)...)
		cmd.Dir = r.Dir
		cmd.Env = append(environ(), "HOME="+r.home, "GITLAB_TOKEN="+token)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	r.Git(t, "commit", "-q", "--allow-empty", "-m", "two")
	two := r.Git(t, "rev-parse", "HEAD")
	for _, c := range []struct {
		token, says string
		args        []string
	}{
		{"", "not allowed to push code to protected branches", []string{"main"}},
		{"another", "not allowed to push code to protected branches", []string{"main:env/prod"}},
		{"", "", []string{"-o", "merge_request.create", "-o", "merge_request.title=prod: promote\\n $(x)", "main:promote/prod"}},
		{"the-token", "", []string{"-o", "ci.skip", "main"}},
		{"the-token", "", []string{"main:env/prod"}},
		{"the-token", "can only delete protected branches", []string{":env/prod"}},
		{"the-token", "not allowed to force push", []string{"+main~1:main"}},
		{"", "", []string{":promote/prod"}},
	} {
		if said := push(c.token, c.args...); c.says == "" && said != "" || !strings.Contains(said, c.says) {
			t.Errorf("push %v with token %q says %q, and should say %q", c.args, c.token, said, c.says)
		}
	}
	var got []string
	for _, p := range r.Pushed(t) {
		got = append(got, p.Ref+" "+strings.Join(p.Options, ","))
	}
	want := []string{"refs/heads/promote/prod merge_request.create,merge_request.title=prod: promote\\n $(x)", "refs/heads/main ci.skip", "refs/heads/env/prod ", "refs/heads/promote/prod "}
	if !slices.Equal(got, want) {
		t.Errorf("pushed %q\nwant   %q", got, want)
	}
	if p := r.Pushed(t)[1]; p.New != two {
		t.Errorf("main was pushed at %s, not %s", p.New, two)
	}
}
