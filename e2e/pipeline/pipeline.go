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
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
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
