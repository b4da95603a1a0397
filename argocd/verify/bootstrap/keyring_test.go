package bootstrap_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/util/gpg"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

const gpgSettings = "../../bootstrap/settings/gpg.conf"

// TestKeysComeAndGo changes the keyring of Argo CD, and verifies a commit after each change.
// By default gpg then checks what it trusts, and says so in the middle of its answer, which
// Argo CD can't read.
func TestKeysComeAndGo(t *testing.T) {
	testkey.RequireGPG(t)
	settings, err := os.ReadFile(gpgSettings)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, settings string
		want           string
	}{
		{"with the settings of bootstrap", string(settings), gpg.VerifyResultGood},
		{"without", "", gpg.VerifyResultUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			keyring := testkey.NewKeyring(t, test.settings)
			run := func(input, name string, args ...string) string {
				t.Helper()
				return strings.TrimSpace(keyring.Run(t, keyring.Home, input, name, args...))
			}
			run("", "git", "init", "--quiet")
			key, other := testkey.New(t, testkey.Options{Name: "Approver"}), testkey.New(t, testkey.Options{Name: "Other"})
			id := run(signedCommit(run("", "git", "write-tree"), key), "git", "hash-object", "-t", "commit", "-w", "--stdin")
			for _, change := range []struct {
				name string
				make func()
			}{
				{"it starts", func() { keyring.Trust(t, key) }},
				{"a key comes", func() { keyring.Trust(t, other) }},
				{"a key goes", func() {
					run("", "gpg", "--batch", "--yes", "--delete-keys", fmt.Sprintf("%X", other.Entity.PrimaryKey.Fingerprint))
				}},
			} {
				change.make()
				said, err := keyring.Command(keyring.Home, "git", "verify-commit", id).CombinedOutput()
				if err != nil {
					t.Fatalf("git verify-commit: %v\n%s", err, said)
				}
				if got := gpg.ParseGitCommitVerification(string(said)); got.Result != test.want {
					t.Errorf("after %s Argo CD reads %s, want %s, %s:\n%s", change.name, got.Result, test.want, got.Message, said)
				}
			}
		})
	}
}

// signedCommit is a commit object without a parent.
func signedCommit(tree string, key *testkey.Key) string {
	person := fmt.Sprintf("Approver <approver@example.org> %d +0000", time.Now().Unix())
	header := fmt.Sprintf("tree %s\nauthor %s\ncommitter %[2]s\n", tree, person)
	const message = "\nprod: release 1\n"
	signature := strings.TrimRight(key.Sign(header+message), "\n")
	return header + "gpgsig " + strings.ReplaceAll(signature, "\n", "\n ") + "\n" + message
}

// TestRepoServerHasGPGSettings makes sure that the settings are where gpg reads them.
func TestRepoServerHasGPGSettings(t *testing.T) {
	objects := build(t, testrepo.Environments(), testrepo.Install(t))
	deployment := read[appsv1.Deployment](t, objects, "Deployment argocd/argocd-repo-server")
	pod := deployment.Spec.Template.Spec
	volume := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == "gpg-settings" })
	if volume < 0 {
		t.Fatalf("it has no volume gpg-settings: %v", pod.Volumes)
	}
	want, err := os.ReadFile(gpgSettings)
	if err != nil {
		t.Fatal(err)
	}
	if got := data(t, objects, "ConfigMap argocd/"+pod.Volumes[volume].ConfigMap.Name)["gpg.conf"]; got != string(want) {
		t.Errorf("gpg.conf is %q, want %q", got, want)
	}
	if mounts := pod.Containers[0].VolumeMounts; !slices.ContainsFunc(mounts, func(m corev1.VolumeMount) bool {
		return m.Name == "gpg-settings" && m.MountPath == "/etc/gnupg/gpg.conf" && m.SubPath == "gpg.conf"
	}) {
		t.Errorf("it does not have gpg.conf where gpg reads it: %v", mounts)
	}
}
