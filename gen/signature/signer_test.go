package signature_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"gitlab.com/towpath/towpath/gen/signature"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// opening is what Open gets.
type opening struct {
	file    string
	env     map[string]string
	allowed []*testkey.Key
}

func (o opening) open(t *testing.T) (*signature.Signer, error) {
	t.Helper()
	options := signature.Options{
		File: o.file, Dir: t.TempDir(), Now: time.Now, Getenv: func(name string) string { return o.env[name] },
	}
	for _, key := range o.allowed {
		options.Allowed = append(options.Allowed, parseKeys(t, key)...)
	}
	return signature.Open(options)
}

func inFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.asc")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestOpen(t *testing.T) {
	t.Parallel()
	key := testkey.New(t, testkey.Options{})
	allowed := []*testkey.Key{otherKey(t), key}
	for name, o := range map[string]opening{
		"file":                  {file: inFile(t, key.Secret())},
		"variable":              {env: map[string]string{signature.KeyVariable: key.Secret()}},
		"variable with a file":  {env: map[string]string{signature.KeyVariable: inFile(t, key.Secret())}},
		"variable, blanks":      {env: map[string]string{signature.KeyVariable: "\n " + key.Secret() + "\n\n"}},
		"passphrase":            {file: inFile(t, key.Protected("pass")), env: map[string]string{signature.PassphraseVariable: "pass"}},
		"file before variable":  {file: inFile(t, key.Secret()), env: map[string]string{signature.KeyVariable: "nonsense"}},
		"variable, passphrase":  {env: map[string]string{signature.KeyVariable: key.Protected("a b"), signature.PassphraseVariable: "a b"}},
		"passphrase not needed": {file: inFile(t, key.Secret()), env: map[string]string{signature.PassphraseVariable: "pass"}},
	} {
		o.allowed = allowed
		signer, err := o.open(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := signer.Sign([]byte(payload))
		if err != nil || signer.KeyID() != key.ID() {
			t.Errorf("%s: key %s, error %v", name, signer.KeyID(), err)
			continue
		}
		if got := signature.Verify([]byte(payload), text, parseKeys(t, key), time.Now()); got.State != signature.Good {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key := testkey.New(t, testkey.Options{})
	expired := testkey.New(t, testkey.Options{Lifetime: 30 * time.Minute})
	retired, _ := revoked(t, packet.KeyRetired)
	other := otherKey(t)
	for name, c := range map[string]struct {
		opening
		want []string
	}{
		"no file":         {opening{file: "nowhere.asc"}, []string{"can't be read", "nowhere.asc"}},
		"public key":      {opening{file: inFile(t, key.Public())}, []string{"public key", "--export-secret-keys"}},
		"no key":          {opening{file: inFile(t, "nonsense")}, []string{"no secret key"}},
		"no armor inside": {opening{file: inFile(t, strings.Replace(key.Secret(), "\n\n", "\n\n@", 1))}, []string{"no secret key"}},
		"no passphrase":   {opening{file: inFile(t, key.Protected("pass"))}, []string{"has a passphrase", "GEN_SIGNING_PASSPHRASE"}},
		"wrong passphrase": {opening{file: inFile(t, key.Protected("pass")), env: map[string]string{signature.PassphraseVariable: "word"}},
			[]string{"does not open the key"}},
		"wrong key":   {opening{file: inFile(t, other.Secret())}, []string{other.ID() + ", which may not sign here", key.ID()}},
		"expired key": {opening{file: inFile(t, expired.Secret()), allowed: []*testkey.Key{expired}}, []string{expired.ID(), "expired on 2"}},
		"revoked key": {opening{file: inFile(t, retired.Secret()), allowed: []*testkey.Key{retired}}, []string{retired.ID(), "revoked the key"}},
		"variable that is a secret": {opening{env: map[string]string{signature.KeyVariable: "s3cret"}},
			[]string{"GEN_SIGNING_KEY holds neither"}},
	} {
		if c.allowed == nil {
			c.allowed = []*testkey.Key{key}
		}
		_, err := c.open(t)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "pass\"")) {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

// TestGPGSigner signs by way of gpg, whose agent has the secret key.
func TestGPGSigner(t *testing.T) {
	testkey.RequireGPG(t)
	keyring := testkey.NewKeyring(t, "")
	t.Setenv("GNUPGHOME", keyring.Home)
	key := testkey.New(t, testkey.Options{})
	other := otherKey(t)
	_, err := opening{allowed: []*testkey.Key{other, key}}.open(t)
	if err == nil || !strings.Contains(err.Error(), "gpg has the secret key of none") || !strings.Contains(err.Error(), other.ID()+", "+key.ID()) {
		t.Errorf("with an empty keyring: error %v", err)
	}
	key.SignWithSubkey("x") // A subkey, which gpg would prefer.
	keyring.Run(t, keyring.Home, key.Protected("pass"), "gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "pass", "--import")
	o := opening{allowed: []*testkey.Key{other, key}, env: map[string]string{signature.PassphraseVariable: "pass"}}
	signer, err := o.open(t)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signer.Sign([]byte(payload))
	if err != nil || signer.KeyID() != key.ID() || signer.From() != "gpg" {
		t.Fatalf("key %s, error %v", signer.KeyID(), err)
	}
	if good, said := verifyCommit(t, key.Public(), text); !good {
		t.Errorf("gpg does not accept it:\n%s", said)
	}
	keyring.Run(t, keyring.Home, "", "gpgconf", "--kill", "gpg-agent") // It remembers the passphrase.
	o.env[signature.PassphraseVariable] = "word"
	if signer, err = o.open(t); err != nil {
		t.Fatal(err)
	}
	if _, err = signer.Sign([]byte(payload)); err == nil || !strings.Contains(err.Error(), "Bad passphrase") {
		t.Errorf("with the wrong passphrase: error %v", err)
	}
}

// TestNoGPG says what can be done where there is neither a key nor gpg.
func TestNoGPG(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := opening{allowed: []*testkey.Key{otherKey(t)}}.open(t)
	if err == nil || !strings.Contains(err.Error(), "--key") || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("error %v", err)
	}
}

// FuzzVerify survives any signature, and calls none good but of the key.
func FuzzVerify(f *testing.F) {
	key := testkey.New(f, testkey.Options{})
	parsed, err := signature.ParseKey([]byte(key.Public()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key.Sign(payload), payload)
	f.Add(key.Sign("x"), "y")
	f.Add("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----", "")
	f.Fuzz(func(t *testing.T, text, data string) {
		got := signature.Verify([]byte(data), text, []*signature.Key{parsed}, time.Now())
		if got.State == signature.Good && data != payload && data != "x" {
			t.Errorf("%q is %v", data, got)
		}
	})
}

// TestSeed makes sure that the keys of tests which compare output stay the same.
func TestSeed(t *testing.T) {
	t.Parallel()
	o := testkey.Options{Seed: "ada", Created: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	if a, b := testkey.New(t, o), testkey.New(t, o); a.ID() != b.ID() {
		t.Errorf("%s is not %s", a.ID(), b.ID())
	}
}
