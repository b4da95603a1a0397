package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

// stateDir is where gitlab-ci-local keeps what it does, within the repository.
const stateDir = ".gitlab-ci-local"

// local runs gitlab-ci-local for an event, and returns what it prints.
func (r *Repository) local(t testing.TB, event Event, limit time.Duration, args ...string) (string, error) {
	t.Helper()
	script := toolcache.GitLabCILocal.Require(t)
	all := []string{
		// It can hang, and not mind a request to end.
		"-k", "5", fmt.Sprint(int(limit.Seconds())),
		"node", script,
		"--home", r.home, "--state-dir", stateDir,
		"--force-shell-executor", "--shell-isolation", "--no-color",
		// TestSchema holds the file against the schema.
		"--json-schema-validation=false",
		// What jobs leave stays out of the clone, whose next commit takes all there is.
		"--no-artifacts-to-source",
		// What jobs share is little, and what they compile is much.
		"--concurrency", "1",
	}
	defer r.compareWith(t, event)()
	defer r.project(t, event)()
	variables := maps.Clone(r.caches)
	maps.Copy(variables, event.Variables)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		all = append(all, "--variable", name+"="+variables[name])
	}
	known := slices.Collect(maps.Keys(variables))
	for _, v := range r.Variables {
		known = append(known, v.Name)
	}
	slices.Sort(known)
	all = append(all, "--ignore-predefined-vars", strings.Join(known, ","))
	for _, name := range event.Unset {
		all = append(all, "--unset-variable", name)
	}
	all = append(all, args...)
	ctx, cancel := context.WithTimeout(t.Context(), limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "timeout", all...)
	cmd.Dir = r.Dir
	cmd.Env = append(environ(), "HOME="+r.home, "NO_COLOR=1")
	if r.Programs != "" {
		cmd.Env = append(cmd.Env, "PATH="+r.Programs+":"+os.Getenv("PATH"))
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if cmd.ProcessState != nil && slices.Contains([]int{124, 137}, cmd.ProcessState.ExitCode()) {
		t.Fatalf("the pipeline took longer than %v:\n%s", limit, tail(plain(out.String())))
	}
	return plain(out.String()), err
}

// compareWith makes gitlab-ci-local compare with what GitLab compares with to judge
// rules:changes: it takes origin's default branch for that, whatever the event is.
// Jobs start with a clone of before the push then; those that need more fetch it. The
// function that it returns undoes it.
func (r *Repository) compareWith(t testing.TB, event Event) func() {
	t.Helper()
	const ref = "refs/remotes/origin/main"
	now := r.Git(t, "rev-parse", ref)
	if event.Before != "" {
		r.Git(t, "update-ref", ref, event.Before)
	}
	return func() { r.Git(t, "update-ref", ref, now) }
}

// Variable is a CI/CD variable of the project.
type Variable struct {
	Name, Value string
	// File has jobs get the path of a file with the value.
	File bool
	// Environment is the one whose jobs get it, all if "".
	Environment string
	// Protected keeps it from pipelines of refs that are not protected.
	Protected bool
}

// project writes the variables of the project down for gitlab-ci-local, those that
// the event's pipeline gets. The function that it returns removes the file.
func (r *Repository) project(t testing.TB, event Event) func() {
	t.Helper()
	type scoped struct {
		Type   string            `json:"type"`
		Values map[string]string `json:"values"`
	}
	all := map[string]scoped{}
	for _, v := range r.Variables {
		if v.Protected && event.Variables["CI_COMMIT_REF_PROTECTED"] != "true" {
			continue
		}
		s := scoped{Type: "variable", Values: map[string]string{"*": v.Value}}
		if v.File {
			s.Type = "file"
		}
		if v.Environment != "" {
			s.Values = map[string]string{v.Environment: v.Value}
		}
		all[v.Name] = s
	}
	data, err := json.Marshal(map[string]any{"global": all}) // Which is YAML too.
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(r.home, stateDir, "variables.yml")
	makeFolder(t, name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(name) }
}

// environ is the environment without what tells of a pipeline that this runs in
// itself, and without what configures git or gitlab-ci-local.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		if name == "CI" || name == "HOME" || name == "FORCE_COLOR" {
			return true
		}
		for _, prefix := range []string{"CI_", "GITLAB_", "GCL_", "GIT_", "TOWPATH_"} {
			if strings.HasPrefix(name, prefix) && name != "TOWPATH_TOOLS" {
				return true
			}
		}
		return false
	})
}
