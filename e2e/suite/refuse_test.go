package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// signedBy writes a commit object with a signature of a time, as git commit-tree --gpg-sign would, and returns its id.
func signedBy(t *testing.T, key *openpgp.Entity, tree string, when time.Time) string {
	t.Helper()
	person := fmt.Sprintf("Attacker <attacker@example.org> %d +0000", when.Unix())
	header := fmt.Sprintf("tree %s\nauthor %s\ncommitter %[2]s\n", tree, person)
	message := "\nprod: release 99\n"
	var signature bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&signature, key, strings.NewReader(header+message), &packet.Config{Time: func() time.Time { return when }}); err != nil {
		t.Fatal(err)
	}
	object := header + "gpgsig " + strings.ReplaceAll(signature.String(), "\n", "\n ") + "\n" + message
	cmd := exec.Command("git", "hash-object", "-t", "commit", "-w", "--stdin")
	cmd.Dir = clone()
	cmd.Stdin = strings.NewReader(object)
	id, err := output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWronglySignedCommitIsRefused(t *testing.T) {
	happened := tried(t, "somebody pushes a commit to the approval branch that another key has signed")
	git(t, "fetch", "--quiet", "origin")
	key, err := openpgp.NewEntity("Attacker", "", "attacker@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	attack := signedBy(t, key, git(t, "rev-parse", "origin/main^{tree}"), time.Now())
	happened("%s", refusedByRoot(t, attack))
}

// moveApprovals has the approval branch stand at a commit, or be gone if that is empty, as somebody does who may do
// everything at the Git server. Where the server refuses even that, it returns what the server says.
func moveApprovals(t *testing.T, commit string) (refused string) {
	t.Helper()
	_, err := tryRun(nil, "git", "push", "--quiet", "--force", "origin", commit+":refs/heads/"+approvals)
	switch {
	case err == nil:
		return ""
	case strings.Contains(err.Error(), "[remote rejected]"):
		var said []string
		for line := range strings.Lines(err.Error()) {
			if strings.HasPrefix(line, "remote:") || strings.Contains(line, "[remote rejected]") {
				said = append(said, strings.TrimSpace(line))
			}
		}
		return "the Git server: " + strings.Join(said, " ")
	default:
		t.Fatal(err)
		return ""
	}
}

// refusedByRoot puts a commit on the approval branch, waits until prod's root says that it refuses it, and takes it
// away again. It returns who refused, and why.
func refusedByRoot(t *testing.T, commit string) string {
	t.Helper()
	return refusedBecause(t, commit, "sign")
}

// refusedBecause is refusedByRoot where prod's root has to give a reason.
func refusedBecause(t *testing.T, commit, reason string) string {
	t.Helper()
	before := ""
	if text, err := tryRun(nil, "git", "rev-parse", "--verify", "--quiet", "origin/"+approvals); err == nil {
		before = text
	}
	if refused := moveApprovals(t, commit); refused != "" {
		return refused
	}
	t.Cleanup(func() { restoreApprovals(t, before) })
	var message string
	eventually(t, 2*time.Minute, func() (err error) {
		refreshProd(t)
		if message, err = condition("argocd", "prod-root"); err != nil {
			return err
		}
		if !strings.Contains(message, reason) {
			// What the repository server has found once it keeps, unless it is told to look again.
			kubectl(t, "-n", "argocd", "annotate", "--overwrite", "applications.argoproj.io", "prod-root", "argocd.argoproj.io/refresh=hard")
			return errors.New(message)
		}
		return nil
	})
	if found, err := readApplication("argocd-prod", "service"); err == nil && found.Status.OperationState.SyncResult.Revision == commit {
		t.Errorf("prod was synced to it: %s", found)
	}
	return "prod-root: " + message
}

// restoreApprovals has the approval branch stand where it stood, and waits until prod runs that.
func restoreApprovals(t *testing.T, before string) {
	t.Helper()
	moveApprovals(t, before)
	if before == "" {
		return
	}
	eventually(t, 3*time.Minute, func() error {
		refreshProd(t)
		return errors.Join(delivered("argocd", "prod-root", before)(), delivered("argocd-prod", "service", before)())
	})
}

func TestStageCannotReachProd(t *testing.T) {
	happened := tried(t, "a commit to main adds to stage's Applications one in argocd-prod, prod's AppProject without signatures, and a ClusterRoleBinding")
	before := map[string]string{}
	guarded := [][]string{
		{"-n", "argocd", "get", "appprojects.argoproj.io", "prod", "-o", "jsonpath={.spec}"},
		{"-n", "argocd-prod", "get", "applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{end}"},
		{"get", "clusterrolebindings", "attack", "--ignore-not-found", "-o", "name"},
	}
	for _, what := range guarded {
		before[strings.Join(what, " ")] = kubectl(t, what...)
	}
	for name, text := range map[string]string{
		"application": `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: attack, namespace: argocd-prod}
spec:
  project: prod
  destination: {namespace: towpath-prod, server: https://kubernetes.default.svc}
  source: {repoURL: ` + repositoryURL(t) + `, path: charts/service, targetRevision: main}
`,
		"project": `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: prod, namespace: argocd}
spec:
  destinations: [{namespace: '*', server: '*'}]
  sourceRepos: ['*']
`,
		"binding": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: attack}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: towpath-stage}]
`,
	} {
		if err := os.WriteFile(filepath.Join(clone(), "argocd", "stage", "attack-"+name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, "add", "--all")
	git(t, "commit", "--quiet", "--message=stage: harmless")
	git(t, "push", "--quiet", "origin", "main")
	attack := git(t, "rev-parse", "HEAD")
	t.Cleanup(func() {
		git(t, "revert", "--no-edit", attack)
		git(t, "push", "--quiet", "origin", "main")
		refresh(t, "argocd", "stage-root")
		eventually(t, 3*time.Minute, delivered("argocd", "stage-root", git(t, "rev-parse", "HEAD")))
	})
	var messages string
	eventually(t, 2*time.Minute, func() error {
		refresh(t, "argocd", "stage-root")
		found, err := readApplication("argocd", "stage-root")
		if err != nil {
			return err
		}
		operation := found.Status.OperationState
		if operation.SyncResult.Revision != attack || operation.Phase != "Failed" && operation.Phase != "Error" && operation.Phase != "Running" {
			return fmt.Errorf("stage-root: %s", found)
		}
		messages, err = tryKubectl("-n", "argocd", "get", "applications.argoproj.io", "stage-root", "-o", "jsonpath={range .status.operationState.syncResult.resources[?(@.status=='SyncFailed')]}{.kind}: {.message}; {end}")
		if err != nil {
			return err
		}
		if messages == "" {
			return fmt.Errorf("stage-root: %s", found)
		}
		return nil
	})
	happened("stage-root: %s", messages)
	for _, what := range guarded {
		if now := kubectl(t, what...); now != before[strings.Join(what, " ")] {
			t.Errorf("kubectl %s has changed to\n%s", strings.Join(what, " "), now)
		}
	}
}
