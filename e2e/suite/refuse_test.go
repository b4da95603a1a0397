package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
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
	kept := false
	look := func() {
		refreshProd(t)
		if kept { // What the repository server has found once it keeps, unless it is told to look again.
			askRefresh(t, "argocd", "prod-root", "hard")
		}
	}
	refreshedUntil(t, 2*time.Minute, look, func() (err error) {
		if message, err = condition("argocd", "prod-root"); err != nil {
			return err
		}
		if kept = !strings.Contains(message, reason); kept {
			return errors.New(message)
		}
		return nil
	})
	if _, err := readApplication("argocd-prod", "service"); err == nil {
		compared(t, "argocd-prod", "service")
		if found, err := readApplication("argocd-prod", "service"); err != nil || found.Status.OperationState.SyncResult.Revision == commit {
			t.Errorf("prod was synced to it: %s %v", found, err)
		}
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
	prodBecomes(t, 3*time.Minute, inTurn(delivered("argocd", "prod-root", before), delivered("argocd-prod", "service", before)))
}
