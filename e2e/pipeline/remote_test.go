package pipeline

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bare returns a clone of almost nothing, with a remote.
func bare(t *testing.T) *Repository {
	t.Helper()
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
	r.Git(t, "remote", "add", "gcl-origin", r.Origin)
	r.Git(t, "push", "-q", "origin", "main")
	return r
}

// The remote refuses what GitLab refuses, and remembers what it takes.
func TestServe(t *testing.T) {
	r := bare(t)
	remote := r.Serve(t)
	r.Git(t, "commit", "-q", "--allow-empty", "-m", "two")
	two := r.Git(t, "rev-parse", "HEAD")
	for _, c := range []struct {
		user User
		says string
		args []string
	}{
		{Developer, "not allowed to push code to protected branches", []string{"main"}},
		{Developer, "not allowed to push code to protected branches", []string{"main:env/prod"}},
		{JobToken, "403", []string{"main:anything"}},
		{User{"bot", "oauth2", "another"}, "Authentication failed", []string{"main"}},
		{Developer, "", []string{"-o", "merge_request.create", "-o", "merge_request.title=prod: promote\\n $(x)", "main:promote/prod"}},
		{Bot, "", []string{"-o", "ci.skip", "main"}},
		{Merger, "not allowed to push code to protected branches", []string{"main:env/prod"}},
		{Bot, "", []string{"main:env/prod"}},
		{Bot, "can only delete protected branches", []string{":env/prod"}},
		{Bot, "not allowed to force push", []string{"+main~1:main"}},
		{Developer, "", []string{":promote/prod"}},
	} {
		said := ""
		if err := remote.Push(t, c.user, c.args...); err != nil {
			said = err.Error()
		}
		if c.says == "" && said != "" || !strings.Contains(said, c.says) {
			t.Errorf("push %v by %s says %q, and should say %q", c.args, c.user.Name, said, c.says)
		}
	}
	var got []string
	for _, p := range r.Pushed(t) {
		got = append(got, p.By+" "+p.Ref+" "+strings.Join(p.Options, ","))
	}
	want := []string{
		"ada refs/heads/promote/prod merge_request.create,merge_request.title=prod: promote\\n $(x)",
		"bot refs/heads/main ci.skip", "bot refs/heads/env/prod ", "ada refs/heads/promote/prod ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("pushed %q\nwant   %q", got, want)
	}
	if p := r.Pushed(t)[1]; p.New != two {
		t.Errorf("main was pushed at %s, not %s", p.New, two)
	}
}

// A job pushes as the bot, and nothing on the machine keeps the token.
func TestIdentity(t *testing.T) {
	requireProgram(t, "bash")
	r := bare(t)
	remote := r.Serve(t)
	r.Git(t, "config", "--global", "credential.helper", "store") // A machine that would.
	r.Git(t, "commit", "-q", "--allow-empty", "-m", "two")
	identity, err := filepath.Abs(filepath.Join(Root, ".ci/identity"))
	if err != nil {
		t.Fatal(err)
	}
	push := func(variables ...string) (string, error) {
		cmd := exec.Command("bash", "-euo", "pipefail", "-c", `. "$0"; git commit -q --allow-empty -m three; git push origin HEAD:main`, identity)
		cmd.Dir = r.Dir
		cmd.Env = append(append(environ(), "HOME="+r.home, "GIT_TERMINAL_PROMPT=0", "GIT_TRACE=1", "GIT_CURL_VERBOSE=1",
			"CI_SERVER_URL="+remote.http.URL, "CI_PROJECT_URL="+remote.http.URL+strings.TrimSuffix(projectPath, ".git")), variables...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := push(); err == nil || !strings.Contains(said, "GITLAB_TOKEN: is a project access token") {
		t.Errorf("without a token it says %q", said)
	}
	if said, err := push("GITLAB_TOKEN=" + "another"); err == nil {
		t.Errorf("with a wrong token it says %q", said)
	}
	said, err := push("GITLAB_TOKEN="+Bot.Password, "GITLAB_USER_NAME=Ada Merger", "GITLAB_USER_EMAIL=ada@example.org")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if p := r.Pushed(t); len(p) != 1 || p[0].By != Bot.Name {
		t.Errorf("pushed %+v", p)
	}
	if who := r.Git(t, "log", "-1", "--format=%an %ae %cn %ce"); who != "Ada Merger ada@example.org Ada Merger ada@example.org" {
		t.Errorf("the commit is by %s", who)
	}
	if strings.Contains(said, Bot.Password) {
		t.Errorf("the token is in what git says:\n%s", said)
	}
	wantNowhere(t, Bot.Password, r.Dir, r.home)
}

// wantNowhere fails the test if a text is in a file of these folders. It returns how
// many files it has searched.
func wantNowhere(t *testing.T, secret string, folders ...string) (files int) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			files++
			data, err := os.ReadFile(name)
			if err == nil && strings.Contains(string(data), secret) {
				t.Errorf("a secret is in %s", name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
