package finding_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/finding"
)

func TestText(t *testing.T) {
	repo := fstest.MapFS{"a.cue": {Data: []byte("one\n\tkey: 3\r\n")}}
	list := finding.List{
		{Rule: "wrong-value", Severity: finding.Error, Position: finding.Position{File: "a.cue", Line: 2, Column: 2}, Message: "key can't be 3", Allowed: "1, 2", Help: "choose", Width: 3,
			Notes: []finding.Note{{Position: finding.Position{File: "b.cue", Line: 1}, Message: "the contract"}}},
		{Rule: "stale-file", Severity: finding.Warning, Position: finding.Position{File: "gone.yaml"}, Message: "the file is missing", Environment: "prod"},
		// Places that the file does not have are shown without a line.
		{Rule: "stale-file", Severity: finding.Error, Position: finding.Position{File: "a.cue", Line: 99, Column: 9}, Message: "m"},
		{Rule: "stale-file", Severity: finding.Error, Position: finding.Position{File: "a.cue", Line: 1, Column: 99}, Message: "m"},
		{Rule: "stale-file", Severity: finding.Error, Message: "nowhere"},
	}
	want := "a.cue:2:2: error: key can't be 3 [wrong-value]\n" +
		"  2 | \tkey: 3\n" +
		"    | \t^^^\n" +
		"  allowed: 1, 2\n" +
		"  see: b.cue:1: the contract\n" +
		"  help: choose\n" +
		"gone.yaml: warning: the file is missing [stale-file]\n" +
		"  in: environment prod\n" +
		"a.cue:99:9: error: m [stale-file]\n" +
		"a.cue:1:99: error: m [stale-file]\n" +
		"  1 | one\n" +
		"error: nowhere [stale-file]\n"
	var got bytes.Buffer
	if err := finding.Text(&got, repo, list, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// TestGitLabFingerprint makes sure that a finding stays the same one for GitLab
// when it moves to another line, and that equal ones can be told apart.
func TestGitLabFingerprint(t *testing.T) {
	fingerprints := func(lines ...int) []string {
		var list finding.List
		for _, line := range lines {
			list = append(list, finding.Finding{Rule: "stale-file", Position: finding.Position{File: "a", Line: line}, Message: "m"})
		}
		var out bytes.Buffer
		if err := finding.GitLab(&out, list); err != nil {
			t.Fatal(err)
		}
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal(out.Bytes(), &issues); err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, issue := range issues {
			all = append(all, issue.Fingerprint)
		}
		return all
	}
	before, after := fingerprints(1, 5), fingerprints(3, 9)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("fingerprints changed with the lines:\n%s", diff)
	}
	if before[0] == before[1] {
		t.Error("two findings share a fingerprint")
	}
}

// TestRules makes sure that every rule says all that gen explain shows.
func TestRules(t *testing.T) {
	for _, rule := range finding.Rules() {
		if rule.ID == "" || rule.Title == "" || rule.Why == "" || rule.Bad == "" || rule.Good == "" {
			t.Errorf("the rule %+v leaves something out", rule)
		}
		switch rule.Class {
		case finding.Input, finding.Stale, finding.Policy:
		default:
			t.Errorf("the rule %s is of class %q", rule.ID, rule.Class)
		}
		if rule.Severity != finding.Error && rule.Severity != finding.Warning {
			t.Errorf("the rule %s is of severity %q", rule.ID, rule.Severity)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"replicas", "resources", "image", "ingress"}
	for misspelt, want := range map[string]string{
		"replcas": "replicas", "REPLICAS": "replicas", "imaeg": "image", "ports": "", "x": "", "": "",
	} {
		if got := finding.Nearest(misspelt, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", misspelt, got, want)
		}
	}
}
