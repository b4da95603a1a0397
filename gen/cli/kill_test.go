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

// TestKilled kills gen render at random moments, and while it is writing, and
// demands to find the old values of an environment or the new ones, never some
// of each; and that the next run finishes the work and leaves no remains.
func TestKilled(t *testing.T) {
	repo := t.TempDir()
	mustCopyRepository(t, repo)
	// Several releases, so that there is a half.
	var releases strings.Builder
	for i := range 6 {
		fmt.Fprintf(&releases, "\treleases: s%d: {\n\t\tchart: \"service\"\n\t\tvalues: {image: tag: \"1\", replicas: _replicas, config: workloads: {people: false, portal: false}}\n\t}\n", i)
	}
	write := func(replicas int) {
		t.Helper()
		text := fmt.Sprintf("package dev\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\n_replicas: %d\n\ncontract.#Environment & {\n\tname: \"dev\"\n\ttier: \"development\"\n%s}\n", replicas, releases.String())
		if err := os.WriteFile(filepath.Join(repo, "envs/dev/env.cue"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(repo, "envs/dev/release.cue")); err != nil {
		t.Fatal(err)
	}
	render := func() *exec.Cmd {
		cmd := exec.Command("gen", "render", "dev")
		cmd.Dir = repo
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		return cmd
	}
	values := filepath.Join(repo, "envs/dev/values")
	snapshot := func() string {
		t.Helper()
		var text strings.Builder
		err := filepath.WalkDir(values, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			fmt.Fprintf(&text, "%s\n%s\n", d.Name(), data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	states := make([]string, 2)
	var took time.Duration
	for i := range states {
		write(i + 1)
		start := time.Now()
		cmd := render()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, cmd.Stdout)
		}
		took = time.Since(start)
		states[i] = snapshot()
	}
	if states[0] == states[1] {
		t.Fatal("both states are the same, so that nothing can be half")
	}
	interrupted := 0
	for i := range 40 {
		write(i%2 + 1)
		cmd := render()
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
			waitForRemains(filepath.Dir(values), done)
		}
		if cmd.Process.Kill() == nil {
			interrupted++
		}
		if err := <-done; err != nil && cmd.ProcessState.Exited() {
			t.Fatalf("run %d: %v\n%s", i, err, cmd.Stdout)
		}
		if got := snapshot(); got != states[0] && got != states[1] {
			t.Fatalf("run %d left half of the values:\n%s", i, got)
		}
	}
	if interrupted < 10 {
		t.Errorf("only %d of 40 runs were killed before their end", interrupted)
	}
	write(2)
	if err := render().Run(); err != nil {
		t.Fatal(err)
	}
	if snapshot() != states[1] {
		t.Error("a run after all that does not write the new values")
	}
	remains, err := filepath.Glob(filepath.Join(repo, "envs/dev/.*.gen"))
	if err != nil {
		t.Fatal(err)
	}
	if len(remains) > 0 {
		t.Errorf("remains of killed runs: %v", remains)
	}
}

// waitForRemains returns once a file appears that is being written, or the
// process has ended.
func waitForRemains(dir string, done chan error) {
	before, _ := filepath.Glob(filepath.Join(dir, ".*.gen"))
	for {
		select {
		case err := <-done:
			done <- err
			return
		default:
		}
		if now, _ := filepath.Glob(filepath.Join(dir, ".*.gen")); len(now) > len(before) {
			return
		}
	}
}
