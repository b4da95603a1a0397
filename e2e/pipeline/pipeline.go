// Package pipeline runs the repository's own .gitlab-ci.yml on one machine, and
// tests what comes of it.
//
// The jobs are the real ones: gitlab-ci-local reads the file, decides by its rules
// which jobs an event starts, and runs their scripts with bash, each in a clean copy
// of the commit. What is not real is around them: a bare repository takes the place
// of the remote ([Repository]), served with users and protected branches where a test
// is about those ([Served]); the part of GitLab's API that jobs call runs on loopback
// ([GitLab]); and there are no containers, so that images are not pulled, services of
// jobs are not started, and the programs of the machine serve instead.
//
// A test makes a [Repository], pushes what a person would push, and hands an [Event]
// to [Repository.Run], which says how each job ended, what it printed, and what it
// left as artifacts.
package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

// Event is what GitLab starts a pipeline for.
type Event struct {
	// Variables are those that GitLab sets for it, and those of the project.
	Variables map[string]string
	// Unset are variables that such a pipeline does not have, though gitlab-ci-local
	// sets them.
	Unset []string
	// Before is the commit that rules:changes compares with: where the branch stood, or
	// what a merge request starts from. It is "" for a tag, of which GitLab says that
	// everything has changed.
	Before string
}

// With returns the event with some variables set otherwise.
func (e Event) With(variables map[string]string) Event {
	all := maps.Clone(e.Variables)
	maps.Copy(all, variables)
	return Event{Variables: all, Unset: e.Unset, Before: e.Before}
}

// Without returns the event without some variables.
func (e Event) Without(names ...string) Event {
	all := maps.Clone(e.Variables)
	for _, name := range names {
		delete(all, name)
	}
	return Event{Variables: all, Unset: append(slices.Clone(e.Unset), names...), Before: e.Before}
}

// Options say what to run of a pipeline.
type Options struct {
	// Jobs are those to run, without the ones that they need; all that the event
	// starts if empty.
	Jobs []string
	// Manual are the jobs that a person starts.
	Manual []string
	// Timeout is how long the pipeline may take, [DefaultTimeout] if 0.
	Timeout time.Duration
}

// DefaultTimeout is how long a pipeline of some jobs may take: enough for a machine
// that has nothing built yet.
const DefaultTimeout = 25 * time.Minute

// State is how a job ended.
type State string

// The states of a job. A job that did not run was left out by its rules, by the
// options, or as one before it failed.
const (
	Passed State = "passed"
	Warned State = "warned" // It failed, and may.
	Failed State = "failed"
	NotRun State = "not run"
)

// Job is a job after a pipeline.
type Job struct {
	Name  string
	State State
	// Log is what the job printed, without colours.
	Log string
	// Artifacts is the folder of what the job keeps under artifacts:paths. Reports
	// alone are not in it.
	Artifacts string
	// Workspace is the folder that the job ran in, as it left it.
	Workspace string
}

// Artifact returns a file that the job keeps.
func (j Job) Artifact(t testing.TB, name string) string {
	t.Helper()
	return read(t, filepath.Join(j.Artifacts, name))
}

// File returns a file of the folder that the job ran in.
func (j Job) File(t testing.TB, name string) string {
	t.Helper()
	return read(t, filepath.Join(j.Workspace, name))
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Result is a pipeline that has run.
type Result struct {
	Jobs map[string]Job
	// Output is all that gitlab-ci-local printed.
	Output string
}

// Want fails the test unless the jobs ended as said, and shows the logs of those
// that did not.
func (r Result) Want(t testing.TB, want map[string]State) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		job, ok := r.Jobs[name]
		if !ok {
			t.Errorf("there is no job %s", name)
		} else if job.State != want[name] {
			t.Errorf("job %s has %s, and should have %s; its log:\n%s", name, job.State, want[name], tail(job.Log))
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// tail is the end of a log, which has what went wrong.
func tail(log string) string {
	const enough = 6000
	if len(log) > enough {
		return "[...]" + log[len(log)-enough:]
	}
	return log
}

// Planned is a job as the rules of a pipeline leave it.
type Planned struct {
	Name  string `json:"name"`
	Stage string `json:"stage"`
	// When is on_success, manual and the like, and never for a job that the event
	// does not start.
	When string `json:"when"`
}

// Plan returns the jobs of the pipeline of an event, by name; none if the event starts
// no pipeline. Nothing is run.
func (r *Repository) Plan(t testing.TB, event Event) map[string]Planned {
	t.Helper()
	out, err := r.local(t, event, time.Minute, "--file", r.runnable(t), "--list-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// Warnings come first.
	start := strings.Index(out, "\n[")
	if strings.HasPrefix(out, "[") {
		start = 0
	}
	var jobs []Planned
	if start < 0 {
		t.Fatalf("no list of jobs in:\n%s", out)
	}
	if err := json.NewDecoder(strings.NewReader(out[start:])).Decode(&jobs); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	plan := map[string]Planned{}
	for _, job := range jobs {
		plan[job.Name] = job
	}
	if plan[workflowRules].When == "never" {
		return nil
	}
	delete(plan, workflowRules)
	return plan
}

// workflowRules is a job that a copy of .gitlab-ci.yml has besides those of the file,
// with the rules of the workflow: gitlab-ci-local takes only variables from those, and
// starts every pipeline.
const workflowRules = "workflow-rules"

// runnable writes a copy of .gitlab-ci.yml and returns its name. The jobs in it have no
// services, which are containers: a test starts what a job needs of them.
func (r *Repository) runnable(t testing.TB) string {
	t.Helper()
	file := r.configuration(t)
	for _, job := range file {
		if job, ok := job.(map[string]any); ok {
			delete(job, "services")
		}
	}
	if workflow, ok := file["workflow"].(map[string]any); ok {
		file[workflowRules] = map[string]any{"stage": ".pre", "script": "true", "rules": workflow["rules"]}
	}
	data, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	const name = stateDir + "/runnable.yml"
	makeFolder(t, filepath.Join(r.Dir, name))
	if err := os.WriteFile(filepath.Join(r.Dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// configuration reads .gitlab-ci.yml.
func (r *Repository) configuration(t testing.TB) map[string]any {
	t.Helper()
	var file map[string]any
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(r.Dir, ".gitlab-ci.yml"))), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// Run runs the pipeline of an event on the commit that is checked out.
func (r *Repository) Run(t testing.TB, event Event, o Options) Result {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	plan := r.Plan(t, event)
	if plan == nil {
		t.Fatal("the event starts no pipeline")
	}
	args := append([]string{"--file", r.runnable(t)}, o.Jobs...)
	if len(o.Jobs) == 0 {
		for name, job := range plan {
			if job.When != "never" && job.When != "manual" {
				args = append(args, name)
			}
		}
	}
	for _, job := range o.Manual {
		args = append(args, "--manual", job)
	}
	out, err := r.local(t, event, o.Timeout, args...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	result := Result{Jobs: map[string]Job{}, Output: out}
	ran := false
	for name := range plan {
		job := Job{Name: name, State: NotRun}
		if state, ok := stateOf(out, name); ok {
			ran = true
			file := fileName(name)
			job.State = state
			job.Log = plain(readIfThere(filepath.Join(r.Dir, stateDir, "output", file+".log")))
			job.Artifacts = filepath.Join(r.Dir, stateDir, "artifacts", file)
			job.Workspace = filepath.Join(r.Dir, stateDir, "builds", file)
		}
		result.Jobs[name] = job
	}
	if !ran {
		t.Fatalf("no job ran: %v\n%s", err, tail(out))
	}
	return result
}

// readIfThere reads the log of a job; one that prints nothing has none.
func readIfThere(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(data)
}

// stateDir is where gitlab-ci-local keeps what it does, within the repository.
const stateDir = ".gitlab-ci-local"

// stateOf finds how a job ended in the report that gitlab-ci-local prints last.
func stateOf(out, job string) (State, bool) {
	line := regexp.MustCompile(`(?m)^ (PASS|WARN|FAIL) +` + regexp.QuoteMeta(job) + `(?: |$)`)
	switch m := line.FindStringSubmatch(out); {
	case m == nil:
		return NotRun, false
	case m[1] == "PASS":
		return Passed, true
	case m[1] == "WARN":
		return Warned, true
	default:
		return Failed, true
	}
}

var nameRunes = regexp.MustCompile(`[^\w-]+`)

// fileName is what gitlab-ci-local calls the files of a job.
func fileName(job string) string {
	return nameRunes.ReplaceAllStringFunc(job, encodeName)
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// plain is text without colours.
func plain(s string) string { return colours.ReplaceAllString(s, "") }

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
