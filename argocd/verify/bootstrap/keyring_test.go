package bootstrap_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	if _, err := exec.LookPath("gpg"); err != nil {
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
			t.Fatal("gpg is not installed, and Argo CD verifies commits with it")
		}
		t.Skip("gpg is not installed, and Argo CD verifies commits with it: apt-get install gnupg")
	}
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
			home, err := os.MkdirTemp("", "gpg") // Short, as its sockets demand.
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(home) })
			if err := os.WriteFile(filepath.Join(home, "gpg.conf"), []byte(test.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			run := func(input, name string, args ...string) string {
				t.Helper()
				cmd := exec.Command(name, args...)
				cmd.Dir, cmd.Stdin = home, strings.NewReader(input)
				cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LANG=C", "LC_ALL=C")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
				}
				return string(out)
			}
			// The order is that of Argo CD: what is imported is trusted then.
			add := func(key *testkey.Key) {
				run(key.Public(), "gpg", "--batch", "--import")
				run("", "gpg", "--list-public-keys", key.ID())
				run(fmt.Sprintf("%X:6:\n", key.Entity.PrimaryKey.Fingerprint), "gpg", "--batch", "--import-ownertrust")
			}
			run("", "git", "init", "--quiet")
			key, other := testkey.New(t, testkey.Options{Name: "Approver"}), testkey.New(t, testkey.Options{Name: "Other"})
			id := strings.TrimSpace(run(signedCommit(strings.TrimSpace(run("", "git", "write-tree")), key), "git", "hash-object", "-t", "commit", "-w", "--stdin"))
			for _, change := range []struct {
				name string
				make func()
			}{
				{"it starts", func() { add(key) }},
				{"a key comes", func() { add(other) }},
				{"a key goes", func() {
					run("", "gpg", "--batch", "--yes", "--delete-keys", fmt.Sprintf("%X", other.Entity.PrimaryKey.Fingerprint))
				}},
			} {
				change.make()
				said := run("", "git", "verify-commit", id)
				if got := gpg.ParseGitCommitVerification(said); got.Result != test.want {
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
	server := objects["Deployment argocd/argocd-repo-server"]
	if server == nil {
		t.Fatal("there is no repo-server")
	}
	text, err := json.Marshal(server)
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := json.Unmarshal(text, &deployment); err != nil {
		t.Fatal(err)
	}
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
