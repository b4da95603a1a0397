package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReleaseKilled kills gen release at random moments, and while it is writing. The
// environment, CUE and values alike, names the old image or the new one, never both;
// a commit holds all of it or is not made; and the next run finishes the work.
func TestReleaseKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills gen again and again")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed; gen release --commit commits with it")
	}
	for _, commits := range []bool{false, true} {
		t.Run(fmt.Sprintf("commit=%v", commits), func(t *testing.T) {
			repo := t.TempDir()
			mustCopyRepository(t, repo)
			git := func(args ...string) string {
				t.Helper()
				out, err := inRepo(repo, "git", args...).CombinedOutput()
				if err != nil {
					t.Fatalf("git %s: %v\n%s", args, err, out)
				}
				return strings.TrimSpace(string(out))
			}
			git("init", "-q", "-b", "main")
			git("add", "envs", "charts", "argocd")
			git("commit", "-qm", "first")
			release := func(n int) *exec.Cmd {
				args := []string{"release", "stage", "--image", fmt.Sprintf("registry.example/service:%d@sha256:%064d", n, n)}
				if commits {
					args = append(args, "--commit")
				}
				cmd := inGroup(inRepo(repo, "gen", args...))
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				return cmd
			}
			states := make([]string, 2)
			var took time.Duration
			for n := range states {
				start := time.Now()
				cmd := release(n)
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v\n%s", err, cmd.Stdout)
				}
				took = time.Since(start)
				states[n] = readTree(t, filepath.Join(repo, "envs/stage"))
			}
			if states[0] == states[1] {
				t.Fatal("both states are the same, so that nothing can be half")
			}
			interrupted := 0
			for i := range 32 {
				n := i % 2
				cmd := release(n)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- cmd.Wait() }()
				if i%4 < 2 {
					select {
					case <-time.After(rand.N(took)):
					case err := <-done:
						done <- err
					}
				} else {
					waitForWriting(repo, done)
					time.Sleep(rand.N(3 * time.Millisecond))
				}
				select {
				case err := <-done:
					done <- err
				default:
					if killGroup(cmd) == nil {
						interrupted++
					}
				}
				<-done
				if got := readTree(t, filepath.Join(repo, "envs/stage")); got != states[0] && got != states[1] {
					t.Fatalf("run %d left half of the release:\n%s", i, got)
				}
				if !commits {
					continue
				}
				// Git, which was killed with gen, leaves its locks; it says how to go on.
				for _, lock := range []string{"index.lock", "HEAD.lock", "refs/heads/main.lock"} {
					_ = os.Remove(filepath.Join(repo, ".git", lock))
				}
				image := git("show", "HEAD:envs/stage/release.cue")
				values := git("show", "HEAD:envs/stage/values/service.yaml")
				is := fmt.Sprintf("%064d", n)
				if strings.Contains(image, is) != strings.Contains(values, is) {
					t.Fatalf("run %d left half of the release in a commit:\n%s\n%s", i, image, values)
				}
			}
			if interrupted < 6 {
				t.Errorf("only %d of 32 runs were killed before their end", interrupted)
			}
			// The last run may be done, and one before it cut off before its commit.
			if commits {
				git("checkout", "-q", "HEAD", "--", "envs")
			}
			for n := range states {
				cmd := release(n)
				if err := cmd.Run(); err != nil {
					t.Fatalf("a run after all that: %v\n%s", err, cmd.Stdout)
				}
				if readTree(t, filepath.Join(repo, "envs/stage")) != states[n] {
					t.Fatal("a run after all that does not write the release")
				}
			}
			if commits && git("status", "--porcelain", "envs") != "" {
				t.Errorf("not committed:\n%s", git("status", "--porcelain", "envs"))
			}
			remains, err := filepath.Glob(filepath.Join(repo, "envs/.*.gen"))
			if err != nil || len(remains) > 0 {
				t.Errorf("remains of killed runs: %v, %v", remains, err)
			}
		})
	}
}

// waitForWriting returns once files appear that are being written, or the process has
// ended.
func waitForWriting(repo string, done chan error) {
	for {
		select {
		case err := <-done:
			done <- err
			return
		default:
		}
		for _, pattern := range []string{"envs/.*.gen", "envs/stage/.*.gen"} {
			if now, _ := filepath.Glob(filepath.Join(repo, pattern)); len(now) > 0 {
				return
			}
		}
	}
}

// TestPromoteKilled kills gen promote at random moments: the branch is not there, or
// holds the whole promotion.
func TestPromoteKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills gen again and again")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed; gen promote makes branches with it")
	}
	repo := t.TempDir()
	mustCopyRepository(t, repo)
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := inRepo(repo, name, args...).Output()
		if err != nil {
			t.Fatalf("%s %s: %v", name, args, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("git", "init", "-q", "-b", "main")
	run("git", "add", "envs", "charts", "argocd")
	run("git", "commit", "-qm", "first")
	const branch = "promote/prod-0.1.0"
	start := time.Now()
	run("gen", "promote", "prod")
	took := time.Since(start)
	tree := run("git", "rev-parse", branch+"^{tree}")
	for i := range 12 {
		_ = inRepo(repo, "git", "branch", "-qD", branch).Run()
		cmd := inGroup(inRepo(repo, "gen", "promote", "prod"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(rand.N(took), func() { _ = killGroup(cmd) })
		_ = cmd.Wait()
		timer.Stop()
		// What Git was killed in the middle of is a lock, which it says how to remove.
		_ = os.Remove(filepath.Join(repo, ".git/refs/heads/"+branch+".lock"))
		got, err := inRepo(repo, "git", "rev-parse", "--verify", "--quiet", branch+"^{tree}").Output()
		if err == nil && strings.TrimSpace(string(got)) != tree {
			t.Fatalf("run %d left another tree: %s", i, got)
		}
		if status := run("git", "status", "--porcelain", "envs"); status != "" {
			t.Fatalf("run %d changed the working tree:\n%s", i, status)
		}
	}
	run("gen", "promote", "prod")
	if got := run("git", "rev-parse", branch+"^{tree}"); got != tree {
		t.Errorf("a run after all that makes the tree %s, not %s", got, tree)
	}
}

// inRepo returns a command in a repository, for which Git is the same everywhere.
func inRepo(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com")
	return cmd
}

// readTree returns the names and contents of all files in a folder.
func readTree(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		fmt.Fprintf(&text, "%s\n%s\n", rel, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
