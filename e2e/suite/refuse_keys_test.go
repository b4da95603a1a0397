package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// TestOtherKeysOfArgoCD signs with keys that Argo CD knows, and prod does not want, or should not.
func TestOtherKeysOfArgoCD(t *testing.T) {
	needsProd(t)
	foreign := testkey.New(t, testkey.Options{Name: "Attacker"})
	expired := testkey.New(t, testkey.Options{Name: "Expired", Created: time.Now().Add(-48 * time.Hour), Lifetime: 24 * time.Hour})
	revoked := testkey.New(t, testkey.Options{Name: "Revoked"})
	// Signed while the keys were good, or with that date.
	tree := git(t, "rev-parse", "origin/"+approvals+"^{tree}")
	commits := map[*testkey.Key]string{}
	for key, when := range map[*testkey.Key]time.Time{foreign: time.Now(), expired: time.Now().Add(-47 * time.Hour), revoked: time.Now()} {
		commits[key] = signedBy(t, key.Entity, tree, when)
	}
	if err := revoked.Entity.RevokeKey(packet.KeyCompromised, "stolen", nil); err != nil {
		t.Fatal(err)
	}
	admin := adminToken(t)
	for _, key := range []*testkey.Key{foreign, expired, revoked} {
		status, answer, err := argoCD(admin, http.MethodPost, "/api/v1/gpgkeys", object{"keyData": key.Public()})
		if err != nil || status != http.StatusOK {
			t.Fatalf("adding a key: %d %s %v", status, message(answer), err)
		}
		t.Cleanup(func() {
			if status, answer, err := argoCD(admin, http.MethodDelete, "/api/v1/gpgkeys?keyID="+key.ID(), nil); err != nil || status != http.StatusOK {
				t.Errorf("taking a key back: %d %s %v", status, message(answer), err)
			}
		})
	}
	// The kubelet looks at the volumes of a pod that has changed at once, instead of within a minute.
	kubectl(t, "-n", "argocd", "annotate", "--overwrite", "pods", "-l", "app.kubernetes.io/name=argocd-repo-server", fmt.Sprintf("towpath.gitlab.io/looked=%d", time.Now().Unix()))
	t.Run("unlisted", func(t *testing.T) {
		happened := tried(t, "Argo CD's admin adds a key of an attacker's, who pushes a commit to the approval branch that it has signed")
		happened("%s", refusedBecause(t, commits[foreign], "not allowed in AppProject"))
	})
	// As if the keys stood in signatureKeys, which nobody but an approval can change: the one that keeps the
	// projects looks away.
	kubectl(t, "-n", "argocd", "annotate", "--overwrite", "applications.argoproj.io", "projects", "argocd.argoproj.io/skip-reconcile=true")
	var keys []map[string]string
	if err := json.Unmarshal([]byte(kubectl(t, "-n", "argocd", "get", "appprojects.argoproj.io", "prod-root", "-o", "jsonpath={.spec.signatureKeys}")), &keys); err != nil {
		t.Fatal(err)
	}
	listed := slices.Concat(keys, []map[string]string{{"keyID": expired.ID()}, {"keyID": revoked.ID()}})
	t.Cleanup(func() {
		setKeys(t, keys)
		kubectl(t, "-n", "argocd", "annotate", "applications.argoproj.io", "projects", "argocd.argoproj.io/skip-reconcile-")
	})
	setKeys(t, listed)
	before := approvalHead(t)
	t.Cleanup(func() { restoreApprovals(t, before) })
	for _, attack := range []struct {
		how string
		key *testkey.Key
	}{{"that is revoked, as Argo CD's keyring has it", revoked}, {"that has expired", expired}} {
		t.Run(attack.how, func(t *testing.T) {
			happened := tried(t, "a commit on the approval branch is signed by a key of the list "+attack.how)
			if refused := moveApprovals(t, commits[attack.key]); refused != "" {
				happened("%s", refused)
				return
			}
			prodBecomes(t, 3*time.Minute, func() error {
				found, err := readApplication("argocd", "prod-root")
				if err == nil && (found.Status.Sync.Revision != commits[attack.key] || found.Status.Sync.Status != "Synced") {
					err = fmt.Errorf("if Argo CD refuses it by now, say so in docs/attacks.md: prod-root: %s", found)
				}
				return err
			})
			// Its own AppProject has the keys of the last approval.
			happened("not refused: prod-root is synced to it; whose key is not listed is refused: service: %s", refusedByProd(t, attack.key.ID()))
		})
	}
}

// setKeys puts signature keys into the AppProject of prod's root.
func setKeys(t *testing.T, keys []map[string]string) {
	t.Helper()
	patch, err := json.Marshal(object{"spec": object{"signatureKeys": keys}})
	if err != nil {
		t.Fatal(err)
	}
	kubectl(t, "-n", "argocd", "patch", "appprojects.argoproj.io", "prod-root", "--type=merge", "--patch="+string(patch))
}

// refusedByProd is why prod's Application refuses what a key has signed.
func refusedByProd(t *testing.T, key string) string {
	t.Helper()
	var said string
	prodBecomes(t, 2*time.Minute, func() (err error) {
		said, err = condition("argocd-prod", "service")
		if err == nil && !strings.Contains(said, key) {
			err = fmt.Errorf("prod says %s", said)
		}
		return err
	})
	return said
}
