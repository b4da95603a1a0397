package pipeline

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

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

// readIfThere reads the log of a job; one that prints nothing has none.
func readIfThere(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(data)
}

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
