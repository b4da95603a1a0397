package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

// onAnyCluster are the tests that are tried once more by way of variables: one for each way that they take to a
// cluster, which are its API, a port-forward, a push to its repository, an approval, and Argo CD's API.
var onAnyCluster = append([]string{"TestApplicationsBecomeHealthy", "TestSmoke", "TestApprovalReachesProd"}, onceByVariables...)

// onceByVariables are those of them that a run of the whole suite leaves to TestByVariables: none of the tests in
// between wants what they leave.
var onceByVariables = []string{"TestCommitReachesStageAfterWebhook", "TestAdminIsRefused", "TestPipelineMayOnlyLook", "TestManifestsAreArgoCDs"}

// leaveToVariables ends a test that TestByVariables runs.
func leaveToVariables(t *testing.T) {
	t.Helper()
	if wholeSuite() {
		t.Skip("TestByVariables runs it")
	}
}

// TestByVariables tries the cluster as a stranger's, of whom the suite has been told what e2e/README.md lists and
// nothing else.
func TestByVariables(t *testing.T) {
	needsOwnCluster(t, "it is what this run is")
	happened := tried(t, "the suite is told of the cluster by variables alone, `KUBECONFIG` and `ARGOCD_SERVER` among them")
	variables, err := cluster.Variables(*dir)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "rows.json")
	cmd := exec.Command(program, "-test.run=^("+strings.Join(onAnyCluster, "|")+")$", "-test.timeout=10m", "-test.v",
		"-dir", filepath.Join(folder, "nowhere"), "-rows", file)
	cmd.Env = os.Environ()
	for _, variable := range variables {
		cmd.Env = append(cmd.Env, variable[0]+"="+variable[1])
	}
	start := time.Now()
	text, err := output(cmd)
	// It has pushed from a clone of its own.
	git(t, "pull", "--quiet", "--ff-only", "origin", "main")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range onAnyCluster {
		if !strings.Contains(text, "--- PASS: "+name+" ") {
			t.Errorf("%s did not pass:\n%s", name, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--- ") {
			t.Log(strings.TrimSpace(line))
		}
	}
	its, err := readRows(file)
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, r := range its {
		switch r.Verdict {
		case "passed":
			passed++
		case "FAILED":
			t.Errorf("%s failed: %s: %s", r.Test, r.Tried, r.Happened)
		}
		if name, _, _ := strings.Cut(r.Test, "/"); slices.Contains(onceByVariables, name) && wholeSuite() {
			rows = append(rows, r)
		}
	}
	if passed == 0 {
		t.Errorf("none of its %d rows passed", len(its))
	}
	happened("%d tests passed, in %d rows, after %s: %s", len(onAnyCluster), passed, seconds(time.Since(start)), strings.Join(onAnyCluster, ", "))
}
