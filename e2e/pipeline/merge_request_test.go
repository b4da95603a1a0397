package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gitlab.com/towpath/towpath/gen/gitlab/gitlabtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	removeBuilt()
	os.Exit(code)
}

const prod = "envs/prod/env.cue"

// marker is what the note begins with.
const marker = "<!-- towpath:diff -->\n"

// branch starts a branch of a merge request from main as the remote has it.
func branch(t *testing.T, r *Repository, name string) {
	t.Helper()
	r.Git(t, "checkout", "-q", "-b", name, "origin/main")
}

// commit renders what the CUE means now, and commits.
func commit(t *testing.T, r *Repository, message string) {
	t.Helper()
	r.Gen(t, "render")
	r.Commit(t, message)
}

var onlyDiff = Options{Jobs: []string{"diff"}}

func TestNote(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	server.Add(7, false, "looks good")
	branch(t, r, "more-pods")
	r.Replace(t, prod, "maxReplicas: 10", "maxReplicas: 11")
	commit(t, r, "prod: one more pod")
	event := server.MergeRequest(t, r, "more-pods")
	result := r.Run(t, event, onlyDiff)
	result.Want(t, map[string]State{"diff": Passed, "check": NotRun, "test": NotRun, "service-image": NotRun})
	job := result.Jobs["diff"]

	body := note(t, server)
	for _, want := range []string{"### What changes: ", "\n-  maxReplicas: 10\n", "\n+  maxReplicas: 11\n", "`stage`"} {
		if !strings.Contains(body, want) {
			t.Errorf("the note has no %q:\n%s", want, body)
		}
	}
	if md := job.Artifact(t, "reports/diff.md"); marker+md != body {
		t.Errorf("reports/diff.md is not the note:\n%s", md)
	}
	if html := job.Artifact(t, "reports/diff.html"); !strings.Contains(strings.ToLower(html), "<!doctype html>") || !strings.Contains(html, "maxReplicas") {
		t.Error("reports/diff.html is no report of the change")
	}
	var report struct {
		Environments []struct{ Name, Change string }
	}
	if err := json.Unmarshal([]byte(job.Artifact(t, "reports/diff.json")), &report); err != nil {
		t.Error(err)
	}
	for _, env := range report.Environments {
		if changed := env.Change != "unchanged"; changed != (env.Name == "prod") {
			t.Errorf("reports/diff.json: %s is %s", env.Name, env.Change)
		}
	}
	for _, want := range []string{"note on merge request 7 created", "maxReplicas"} {
		if !strings.Contains(job.Log, want) {
			t.Errorf("the log has no %q:\n%s", want, job.Log)
		}
	}
	if strings.Contains(result.Output, gitlabtest.Token) {
		t.Error("the token is in the log")
	}

	// The next push to the branch.
	r.Replace(t, prod, "maxReplicas: 11", "maxReplicas: 12")
	commit(t, r, "prod: two more pods")
	result = r.Run(t, event, onlyDiff)
	result.Want(t, map[string]State{"diff": Passed})
	if body := note(t, server); !strings.Contains(body, "\n+  maxReplicas: 12\n") || strings.Contains(body, "maxReplicas: 11") {
		t.Errorf("the note is not of the second push:\n%s", body)
	}
	var writes []string
	for _, w := range server.Writes() {
		writes = append(writes, w.Method)
	}
	if !slices.Equal(writes, []string{"POST", "PUT"}) {
		t.Errorf("the note was written by %v", writes)
	}

	// A fork's pipeline has no token, and needs none.
	before := len(server.Requests())
	result = r.Run(t, event.Without("GITLAB_NOTE_TOKEN"), onlyDiff)
	result.Want(t, map[string]State{"diff": Passed})
	job = result.Jobs["diff"]
	if !strings.Contains(job.Log, "no note on the merge request: GITLAB_NOTE_TOKEN is not set") {
		t.Errorf("the log does not say that there is no note:\n%s", job.Log)
	}
	if job.Artifact(t, "reports/diff.html") == "" || len(server.Requests()) > before {
		t.Error("without a token there are reports, and no requests")
	}

	// An environment that is invalid is said in the note, which else were of before.
	r.Replace(t, prod, "maxReplicas: 12", `maxReplicas: "many"`)
	r.Commit(t, "prod: many pods")
	result = r.Run(t, event, onlyDiff)
	result.Want(t, map[string]State{"diff": Failed})
	if body := note(t, server); !strings.Contains(body, "### What changes: not known") || !strings.Contains(body, prod+":") {
		t.Errorf("the note does not say what is invalid:\n%s", body)
	}
}

// note returns the only note that the pipeline keeps.
func note(t *testing.T, server *GitLab) string {
	t.Helper()
	var bodies []string
	for _, n := range server.Notes() {
		if n.Author.ID == gitlabtest.Me {
			bodies = append(bodies, n.Body)
		}
	}
	if len(bodies) != 1 {
		t.Fatalf("%d notes, not 1", len(bodies))
	}
	if !strings.HasPrefix(bodies[0], marker) {
		t.Errorf("the note does not begin with %q:\n%s", marker, bodies[0])
	}
	return bodies[0]
}

// Main goes on while people review: what others merged is not what the branch does.
func TestNoteWhenMainHasMovedOn(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	branch(t, r, "more-pods")
	r.Replace(t, prod, "maxReplicas: 10", "maxReplicas: 11")
	commit(t, r, "prod: one more pod")
	r.Git(t, "checkout", "-q", "main")
	r.Replace(t, prod, `memory: "128Mi"`, `memory: "192Mi"`)
	commit(t, r, "prod: somebody else's memory")
	r.Git(t, "push", "-q", "origin", "main")
	r.Git(t, "checkout", "-q", "more-pods")

	for _, c := range []struct {
		name  string
		event func() Event
	}{
		{"of the branch", func() Event { return server.MergeRequest(t, r, "more-pods") }},
		{"of the merged result", func() Event { return server.MergedResult(t, r, "more-pods") }},
	} {
		result := r.Run(t, c.event(), onlyDiff)
		result.Want(t, map[string]State{"diff": Passed})
		body := note(t, server)
		if !strings.Contains(body, "\n+  maxReplicas: 11\n") {
			t.Errorf("the note %s has no change:\n%s", c.name, body)
		}
		if strings.Contains(body, "192Mi") {
			t.Errorf("the note %s has what somebody else merged:\n%s", c.name, body)
		}
	}
}

func TestRisk(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	branch(t, r, "smaller-volume")
	r.Replace(t, prod, `size:       "10Gi"`, `size:       "5Gi"`)
	commit(t, r, "prod: a smaller volume")
	event := server.MergeRequest(t, r, "smaller-volume")
	for _, c := range []struct {
		name      string
		variables map[string]string
		want      State
		says      string
	}{
		{"as it comes", nil, Failed, "set the label risk-accepted on the merge request"},
		{"accepted", map[string]string{"CI_MERGE_REQUEST_LABELS": "team-web,risk-accepted,bug"}, Passed, "risks are accepted by the label risk-accepted"},
		{"another label", map[string]string{"CI_MERGE_REQUEST_LABELS": "no-risk-accepted"}, Failed, "set the label risk-accepted"},
		{"nothing asked", map[string]string{"TOWPATH_FAIL_ON": ""}, Passed, "claim-shrunk"},
	} {
		result := r.Run(t, event.With(c.variables), onlyDiff)
		result.Want(t, map[string]State{"diff": c.want})
		job := result.Jobs["diff"]
		if !strings.Contains(job.Log, c.says) {
			t.Errorf("%s: the log has no %q:\n%s", c.name, c.says, job.Log)
		}
		if !strings.Contains(note(t, server), "`claim-shrunk`") || !strings.Contains(job.Artifact(t, "reports/diff.html"), "claim-shrunk") {
			t.Errorf("%s: note or report do not have the risk", c.name)
		}
	}
}

// A change of more than GitLab takes in a note.
func TestNoteIsCut(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	branch(t, r, "crowd")
	const environments = 70
	for i := range environments {
		r.Gen(t, "env", "add", fmt.Sprintf("crowd%02d", i), "--like", "prod")
	}
	r.Commit(t, "a crowd of environments")
	result := r.Run(t, server.MergeRequest(t, r, "crowd").With(map[string]string{"TOWPATH_FAIL_ON": ""}), onlyDiff)
	result.Want(t, map[string]State{"diff": Passed})
	job := result.Jobs["diff"]
	body := note(t, server)
	if n := utf8.RuneCountInString(body); n > gitlabtest.NoteLimit || n < gitlabtest.NoteLimit*9/10 {
		t.Errorf("the note has %d characters", n)
	}
	end := body[max(0, len(body)-400):]
	if !strings.Contains(end, "Not all of it fits here: ") || !strings.Contains(end, server.URL()+"/towpath/towpath/-/jobs/") || !strings.Contains(end, "/artifacts/file/reports/diff.html>") {
		t.Errorf("the note does not say where the rest is:\n%s", end)
	}
	full := job.Artifact(t, "reports/diff.json")
	for i := range environments {
		if name := fmt.Sprintf("crowd%02d", i); !strings.Contains(full, `"`+name+`"`) || !strings.Contains(body, name) {
			t.Errorf("%s is not in report and note", name)
		}
	}
	if len(full) < gitlabtest.NoteLimit {
		t.Errorf("the whole report has %d bytes: the change is too small for this test", len(full))
	}
}

// Values that were not produced again, or were edited by hand.
func TestStale(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	branch(t, r, "forgotten")
	r.Replace(t, prod, "maxReplicas: 10", "maxReplicas: 11")
	r.Commit(t, "prod: one more pod, and nothing rendered")
	result := r.Run(t, server.MergeRequest(t, r, "forgotten"), Options{Jobs: []string{"check"}})
	result.Want(t, map[string]State{"check": Failed})
	job := result.Jobs["check"]
	if !strings.Contains(job.Log, "envs/prod/values/service.yaml") {
		t.Errorf("the log does not name the file:\n%s", tail(job.Log))
	}
	var findings []struct {
		Description string `json:"description"`
		Check       string `json:"check_name"`
		Fingerprint string
		Severity    string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(job.File(t, "reports/gl-code-quality-report.json")), &findings); err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Location.Path == "envs/prod/values/service.yaml" && f.Location.Lines.Begin > 0 && f.Check != "" && f.Fingerprint != "" && f.Description != "" && f.Severity != "" {
			return
		}
	}
	t.Errorf("the Code Quality report does not name file and line: %+v", findings)
}

// The whole merge request but its tests, which are this repository's own tests once
// more: with TOWPATH_PIPELINE=whole they run too, and the pipeline takes as long as
// on a runner.
func TestWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and lints everything")
	}
	r := New(t)
	server := StartGitLab(t, r)
	branch(t, r, "more-pods")
	r.Replace(t, prod, "maxReplicas: 10", "maxReplicas: 11")
	commit(t, r, "prod: one more pod")
	jobs := []string{"check", "diff", "binaries"}
	want := map[string]State{"check": Passed, "diff": Passed, "binaries": Passed, "test": NotRun, "service-image": NotRun}
	// What nothing has been built for yet is all of Kubernetes and Argo CD, twice.
	options := Options{Jobs: jobs, Timeout: 3 * DefaultTimeout}
	if os.Getenv("TOWPATH_PIPELINE") == "whole" {
		options = Options{Timeout: 6 * DefaultTimeout}
		want["test"] = Passed
	}
	result := r.Run(t, server.MergeRequest(t, r, "more-pods"), options)
	result.Want(t, want)
	if report := result.Jobs["check"].File(t, "reports/gl-code-quality-report.json"); strings.TrimSpace(report) != "[]" {
		t.Errorf("nothing is wrong, and the Code Quality report says:\n%s", report)
	}
	for _, name := range []string{"bin/gen", "bin/service"} {
		if len(result.Jobs["binaries"].Artifact(t, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}
