package testkey

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RequireGPG leaves a test out where gpg is not installed.
func RequireGPG(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err == nil {
		return
	}
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
		t.Fatal("gpg is not installed")
	}
	t.Skip("gpg is not installed: apt-get install gnupg")
}

// Keyring is a keyring of gpg for a test.
type Keyring struct {
	// Home is the folder that GNUPGHOME names.
	Home string
}

// NewKeyring makes a keyring without keys, with the lines of gpg.conf.
func NewKeyring(t testing.TB, settings string) *Keyring {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // Short, as its sockets demand.
	if err != nil {
		t.Fatal(err)
	}
	k := &Keyring{Home: home}
	t.Cleanup(func() {
		_ = k.Command(home, "gpgconf", "--kill", "all").Run()
		_ = os.RemoveAll(home)
	})
	if err := os.WriteFile(filepath.Join(home, "gpg.conf"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// Command is a program that uses the keyring, such as git or gpg, in a folder, and no settings of the machine's.
func (k *Keyring) Command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GNUPGHOME="+k.Home, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LANG=C", "LC_ALL=C")
	return cmd
}

// Run runs a program that uses the keyring, in a folder, and returns its standard output.
func (k *Keyring) Run(t testing.TB, dir, input, name string, args ...string) string {
	t.Helper()
	cmd := k.Command(dir, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// Trust imports public keys, lists and trusts them ultimately, in this order, as Argo CD does. It is what comes last that
// gpg has yet to work out when it is asked next.
func (k *Keyring) Trust(t testing.TB, keys ...*Key) {
	t.Helper()
	for _, key := range keys {
		k.Run(t, k.Home, key.Public(), "gpg", "--batch", "--import")
		k.Run(t, k.Home, "", "gpg", "--list-public-keys", key.ID())
	}
	for _, key := range keys {
		k.Run(t, k.Home, fmt.Sprintf("%X:6:\n", key.Entity.PrimaryKey.Fingerprint), "gpg", "--batch", "--import-ownertrust")
	}
}
