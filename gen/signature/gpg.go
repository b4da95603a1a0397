package signature

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// fromGPG takes the first of the allowed keys whose secret half gpg has: in its own
// keyring, on a card, or behind an agent that was forwarded here.
func fromGPG(o Options) (*Signer, error) {
	program, err := exec.LookPath("gpg")
	if err != nil {
		return nil, fmt.Errorf("there is no key to sign with: name a file with --key, or set %s; gpg, which would be asked else, is not installed", KeyVariable)
	}
	for _, key := range o.Allowed {
		if !hasSecret(program, key) {
			continue
		}
		return &Signer{key: key, from: "gpg", sign: func(data []byte) (string, error) {
			return signWithGPG(program, key, o.Getenv(PassphraseVariable), data)
		}}, nil
	}
	return nil, fmt.Errorf("there is no key to sign with: gpg has the secret key of none that may sign (%s); name a file with --key, or set %s",
		listIDs(o.Allowed), KeyVariable)
}

// hasSecret reports whether gpg has the secret half of the primary key itself: it
// marks one that it knows the subkeys of only.
func hasSecret(program string, key *Key) bool {
	out, err := exec.Command(program, "--batch", "--with-colons", "--list-secret-keys", key.Fingerprint()).Output()
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if fields[0] == "sec" {
			const token = 14 // Where the secret is: # for nowhere.
			return len(fields) > token && fields[token] != "#"
		}
	}
	return false
}

func signWithGPG(program string, key *Key, passphrase string, data []byte) (string, error) {
	// The exclamation mark keeps gpg from taking a subkey instead.
	args := []string{"--batch", "--armor", "--detach-sign", "--digest-algo", "SHA512", "--local-user", key.Fingerprint() + "!"}
	input := data
	if passphrase != "" {
		// The first line of the input is the passphrase then: a variable or an
		// argument could be seen by others.
		args = append([]string{"--pinentry-mode", "loopback", "--passphrase-fd", "0"}, args...)
		input = append([]byte(passphrase+"\n"), data...)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		if text == "" {
			text = err.Error()
		}
		if strings.Contains(text, "ioctl") || strings.Contains(text, "pinentry") {
			text += "\nif gpg could not ask for the passphrase: export GPG_TTY=$(tty), or set " + PassphraseVariable
		}
		return "", errors.New(text)
	}
	return string(out), nil
}
