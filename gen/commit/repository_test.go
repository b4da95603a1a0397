package commit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/commit"
)

// TestMain makes Git the same for whoever runs the tests.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
		"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
		"GIT_COMMITTER_NAME": "Bot", "GIT_COMMITTER_EMAIL": "bot@example.com",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// repo is a Git repository of a test.
type repo struct {
	*commit.Repository
	t   *testing.T
	dir string
}

func newRepo(t *testing.T, args ...string) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed; install it, gen writes commits with it")
	}
	dir := t.TempDir()
	r := &repo{commit.Open(dir), t, dir}
	r.git(append([]string{"init", "--quiet", "--initial-branch=main"}, args...)...)
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repo) write(name, content string) {
	r.t.Helper()
	name = filepath.Join(r.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// commit commits every file and returns the commit's id.
func (r *repo) commit(message string) string {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// withRemote returns a clone with one commit, and the bare repository that is its
// origin.
func withRemote(t *testing.T) (clone, origin *repo) {
	t.Helper()
	origin = newRepo(t, "--bare")
	clone = newRepo(t)
	clone.git("remote", "add", "origin", origin.dir)
	clone.write("a", "1\n")
	clone.commit("first")
	clone.git("push", "--quiet", "--set-upstream", "origin", "main")
	return clone, origin
}

// hook gives a repository a hook.
func (r *repo) hook(name, script string) {
	r.t.Helper()
	dir := r.git("rev-parse", "--absolute-git-dir")
	name = filepath.Join(dir, "hooks", name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

var when = time.Date(2026, 3, 1, 12, 30, 0, 0, time.FixedZone("", 3600))

// draft returns a commit of one file upon another commit, or none.
func draft(base string, files ...commit.File) commit.Draft {
	d := commit.Draft{
		Base: base, Files: files, When: when,
		Author: commit.Person{Name: "Ada", Email: "ada@example.com"}, Committer: commit.Person{Name: "Bot", Email: "bot@example.com"},
		Message: commit.Message{Subject: "stage: release service 0.2.0", Body: "Why.\nAnd how.", Trailers: []commit.Trailer{{Key: "From", Value: "dev"}}},
	}
	if base != "" {
		d.Parents = []string{base}
	}
	return d
}

func (r *repo) mustWrite(d commit.Draft) string {
	r.t.Helper()
	id, err := r.Write(d)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func file(path, content string) commit.File {
	return commit.File{Path: path, Content: []byte(content)}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q:\n%v", word, err)
		}
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n%s\nnot\n%s", what, got, want)
	}
}
