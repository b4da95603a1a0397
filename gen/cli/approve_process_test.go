package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// approver is a clone in which gen approve is run as a process.
type approver struct {
	t   *testing.T
	dir string
	env []string
	key *testkey.Key
}

// newApprover returns a clone of a bare repository, origin.git in it, and a key that
// may approve for prod.
func newApprover(t *testing.T) *approver {
	t.Helper()
	if testing.Short() {
		t.Skip("it runs gen approve many times")
	}
	a := &approver{t: t, dir: t.TempDir(), key: testkey.New(t, testkey.Options{})}
	mustCopyRepository(t, a.dir)
	a.write("keys/ada.asc", a.key.Secret())
	a.write("keys/ada.pub", a.key.Public())
	if err := setApprovers(a.dir, []string{"ada"}, func(string) string { return a.key.ID() }); err != nil {
		t.Fatal(err)
	}
	a.run("gen", "render")
	a.run("git", "init", "--quiet", "--initial-branch=main")
	a.run("git", "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
	a.run("git", "remote", "add", "origin", filepath.Join(a.dir, "origin.git"))
	a.run("git", "add", "envs", "charts", "argocd")
	a.merge("first")
	return a
}

func (a *approver) write(name, text string) {
	a.t.Helper()
	name = filepath.Join(a.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		a.t.Fatal(err)
	}
}

func (a *approver) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
	cmd.Env = append(cmd.Env, a.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd
}

func (a *approver) run(name string, args ...string) string {
	a.t.Helper()
	cmd := a.command(name, args...)
	if err := cmd.Run(); err != nil {
		a.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, cmd.Stdout)
	}
	return strings.TrimSpace(cmd.Stdout.(*bytes.Buffer).String())
}

// merge brings a commit to main of origin.
func (a *approver) merge(subject string) {
	a.t.Helper()
	a.run("git", "commit", "--quiet", "--allow-empty", "--message="+subject)
	a.run("git", "push", "--quiet", "origin", "HEAD:main")
}

var approveMain = []string{"approve", "prod", "--commit", "main", "--no-evidence", "--reason", "a test", "--key", "keys/ada.asc"}

// approvals returns those at origin, which all have to be good.
func (a *approver) approvals() []*approval.Approval {
	a.t.Helper()
	// Under a ref of its own, so that gen has to look itself.
	a.run("git", "fetch", "--quiet", "origin", "+refs/heads/env/prod:refs/judged/prod")
	repo := commit.Open(a.dir)
	tip, _, err := repo.Ref("refs/judged/prod")
	if err != nil {
		a.t.Fatal(err)
	}
	files := revision.Open(a.dir)
	defer files.Close()
	main, err := files.Commit("main")
	if err != nil {
		a.t.Fatal(err)
	}
	v := approval.Verifier{Environment: "prod", Repo: repo, Files: files, Main: main, Now: time.Now()}
	list, err := v.Verify(tip, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return list
}

// TestApproveKilled kills gen approve at random moments: origin has the old branch
// then, or one that has a complete approval more; and said again, it is done.
func TestApproveKilled(t *testing.T) {
	a := newApprover(t)
	start := time.Now()
	a.run("gen", approveMain...)
	took := time.Since(start)
	want, killed := 1, 0
	for i := 0; killed < 6; i++ {
		if i == 40 {
			t.Fatalf("only %d of %d runs were killed before their end", killed, i)
		}
		a.merge(fmt.Sprintf("commit %d", i))
		// The second half is when it writes.
		alone, err := a.killAfter(took/2+rand.N(took/2), "gen", approveMain...)
		switch {
		case err != nil:
			t.Fatalf("run %d: %v", i, err)
		case alone > 0:
			took = alone
		default:
			killed++
		}
		got := a.approvals()
		if n := len(got); n != want && n != want+1 {
			t.Fatalf("run %d left %d approvals, where there were %d", i, n, want)
		}
		if i%2 == 0 {
			a.run("gen", approveMain...)
			got = a.approvals()
			main := a.run("git", "rev-parse", "main")
			if len(got) != want+1 || got[0].Record.Commit != main {
				t.Fatalf("run %d: said again, there are %d approvals, the newest of %s; want %d, the newest of %s", i, len(got), got[0].Record.Commit, want+1, main)
			}
		}
		want = len(got)
	}
}

// killAfter runs a command and kills it after a time, and returns when the processes
// that it had started have ended too: the git push of a gen that was killed goes on,
// and may still move a branch. It returns how long the command took if it was done
// sooner than that, and its error.
func (a *approver) killAfter(wait time.Duration, name string, args ...string) (time.Duration, error) {
	a.t.Helper()
	cmd := a.command(name, args...)
	// All of them inherit the end for writing; when the last has ended, so has the pipe.
	r, w, err := os.Pipe()
	if err != nil {
		a.t.Fatal(err)
	}
	defer r.Close()
	cmd.ExtraFiles = []*os.File{w}
	start := time.Now()
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		a.t.Fatal(err)
	}
	timer := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	alone := time.Since(start)
	timer.Stop()
	if _, err := io.Copy(io.Discard, r); err != nil {
		a.t.Fatal(err)
	}
	switch {
	case !cmd.ProcessState.Exited():
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("%w\n%s", err, cmd.Stdout)
	}
	return alone, nil
}

// TestApproveAtOnce has two people approve in the same moment: a hook of origin
// waits until both have pushed and passed their lease, so that only the lock of the
// ref is left to decide.
func TestApproveAtOnce(t *testing.T) {
	a := newApprover(t)
	a.run("gen", approveMain...)
	a.merge("second")
	barrier := t.TempDir()
	a.write("origin.git/hooks/pre-receive", fmt.Sprintf(`#!/bin/sh
touch %[1]s/$$
tries=0
until [ "$(ls %[1]s | wc -l)" -ge 2 ] || [ $tries -ge 600 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
`, barrier))
	a.run("git", "clone", "--quiet", "origin.git", "other")
	type outcome struct {
		name, text string
		code       int
	}
	outcomes := make(chan outcome)
	for name, args := range map[string][]string{
		"Ada <ada@example.org>":     approveMain,
		"Grace <grace@example.org>": append([]string{"-C", filepath.Join(a.dir, "other")}, append(approveMain[:len(approveMain):len(approveMain)], "--key", filepath.Join(a.dir, "keys/ada.asc"))...),
	} {
		cmd := a.command("gen", append(args, "--by", name)...)
		go func() {
			_ = cmd.Run() // The exit code is looked at below.
			outcomes <- outcome{name, cmd.Stdout.(*bytes.Buffer).String(), cmd.ProcessState.ExitCode()}
		}()
	}
	winner, loser := <-outcomes, <-outcomes
	if winner.code != 0 {
		winner, loser = loser, winner
	}
	if winner.code != 0 || loser.code != 1 {
		t.Fatalf("exit codes %d and %d, want 0 and 1\n%s\n%s", winner.code, loser.code, winner.text, loser.text)
	}
	if !strings.Contains(loser.text, "somebody else was quicker") || !strings.Contains(loser.text, "is release 2 of prod, by "+winner.name) {
		t.Errorf("the loser does not name %s:\n%s", winner.name, loser.text)
	}
	got := a.approvals()
	if len(got) != 2 || got[0].Record.ApprovedBy != winner.name {
		t.Errorf("%d approvals, the newest by %s, want 2 and %s", len(got), got[0].Record.ApprovedBy, winner.name)
	}
}

// TestApproveWithAgent signs by way of gpg and its agent, and has Git and gpg, which
// are what Argo CD asks, accept that: with the key alone in the keyring.
func TestApproveWithAgent(t *testing.T) {
	a := newApprover(t)
	testkey.RequireGPG(t)
	a.env = []string{"GNUPGHOME=" + testkey.NewKeyring(t, "").Home}
	args := approveMain[:len(approveMain)-2] // Without --key.
	cmd := a.command("gen", args...)
	if err := cmd.Run(); err == nil || !strings.Contains(cmd.Stdout.(*bytes.Buffer).String(), "there is no key to sign with") {
		t.Errorf("with an empty keyring: %v\n%s", err, cmd.Stdout)
	}
	a.run("gpg", "--batch", "--import", "keys/ada.asc")
	out := a.run("gen", args...)
	if !strings.Contains(out, a.key.ID()+", from gpg") {
		t.Errorf("it does not say that gpg has signed:\n%s", out)
	}
	a.env = []string{"GNUPGHOME=" + testkey.NewKeyring(t, "").Home}
	a.run("gpg", "--batch", "--import", "keys/ada.pub")
	out = a.run("git", "-C", "origin.git", "verify-commit", "env/prod")
	if !strings.Contains(out, "Good signature") {
		t.Errorf("git verify-commit says\n%s", out)
	}
	out = a.run("git", "-C", "origin.git", "log", "-1", "--format=%G? %GK", "env/prod")
	if out != "U "+a.key.ID() {
		t.Errorf("git log says %q", out)
	}
	if got := a.approvals(); len(got) != 1 {
		t.Errorf("%d approvals", len(got))
	}
}
