package signature_test

import (
	"bytes"
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"gitlab.com/towpath/towpath/gen/signature"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// payload is a commit without its signature.
const payload = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n" +
	"author A <a@example.org> 1700000000 +0000\ncommitter A <a@example.org> 1700000000 +0000\n\nprod: release 1\n"

func lifetime(seconds uint32) func(*packet.Signature) {
	return func(sig *packet.Signature) { sig.SigLifetimeSecs = &seconds }
}

func made(at time.Time) func(*packet.Signature) {
	return func(sig *packet.Signature) { sig.CreationTime = at }
}

func hashed(h crypto.Hash) func(*packet.Signature) {
	return func(sig *packet.Signature) { sig.Hash = h }
}

// cases are signatures of payload with the key that may sign, what has to come out,
// and whether gpg calls it good too.
var cases = map[string]struct {
	make func(t *testing.T) (key *testkey.Key, signature string)
	want signature.State
	gpg  bool
}{
	"good": {signed(testkey.Options{}), signature.Good, true},
	"good, RSA": {
		signed(testkey.Options{Algorithm: packet.PubKeyAlgoRSA, Bits: 2048}), signature.Good, true,
	},
	"good, ECDSA": {signed(testkey.Options{Algorithm: packet.PubKeyAlgoECDSA, Curve: packet.CurveNistP256}), signature.Good, true},
	"good, SHA-256": {
		signed(testkey.Options{}, hashed(crypto.SHA256)), signature.Good, true,
	},
	"good, ends later": {signed(testkey.Options{Lifetime: 3 * time.Hour}, lifetime(3600)), signature.Good, true},
	"of something else": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		return key, key.Sign(strings.Replace(payload, "release 1", "release 2", 1))
	}, signature.Bad, false},
	"of a line more": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		return key, key.Sign(payload + "\n")
	}, signature.Bad, false},
	"unsigned":      {func(t *testing.T) (*testkey.Key, string) { return testkey.New(t, testkey.Options{}), "" }, signature.Unsigned, false},
	"unknown key":   {func(t *testing.T) (*testkey.Key, string) { return otherKey(t), otherKey(t).Sign(payload) }, signature.UnknownKey, false},
	"weak key":      {signed(testkey.Options{Algorithm: packet.PubKeyAlgoRSA, Bits: 1024}), signature.UnknownKey, true},
	"expired key":   {signed(testkey.Options{Lifetime: 30 * time.Minute}), signature.ExpiredKey, false},
	"expired since": {signed(testkey.Options{Lifetime: 30 * time.Minute}, made(time.Now().Add(-45*time.Minute))), signature.ExpiredKey, false},
	"extended key": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{Lifetime: 30 * time.Minute})
		key.Extend(0)
		return key, key.Sign(payload)
	}, signature.Good, true},
	"expired signature": {
		signed(testkey.Options{}, made(time.Now().Add(-30*time.Minute)), lifetime(60)), signature.ExpiredSignature, false,
	},
	"revoked key": {func(t *testing.T) (*testkey.Key, string) {
		return revoked(t, packet.KeyCompromised)
	}, signature.RevokedKey, false},
	"retired key": {func(t *testing.T) (*testkey.Key, string) {
		return revoked(t, packet.KeyRetired)
	}, signature.RevokedKey, false},
	"subkey": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		return key, key.SignWithSubkey(payload)
	}, signature.UnknownKey, true},
	"SHA-224": {signed(testkey.Options{Algorithm: packet.PubKeyAlgoRSA, Bits: 2048}, hashed(crypto.SHA224)), signature.Bad, true},
	"text": {signed(testkey.Options{}, func(sig *packet.Signature) { sig.SigType = packet.SigTypeText }),
		signature.Bad, false},
	"two signatures": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		return key, key.Armor(key.Packet(payload), key.Packet(payload))
	}, signature.Bad, false},
	"two blocks": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		return key, key.Sign(payload) + key.Sign(payload)
	}, signature.Bad, false},
	"of the future":       {signed(testkey.Options{}, made(time.Now().Add(time.Hour))), signature.Bad, true},
	"older than the key":  {signed(testkey.Options{}, made(time.Now().Add(-2*time.Hour))), signature.Bad, false},
	"critical notation":   {signed(testkey.Options{}, notation(true)), signature.Bad, false},
	"uncritical notation": {signed(testkey.Options{}, notation(false)), signature.Good, true},
	"cut off": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		text := key.Sign(payload)
		return key, text[:len(text)/2]
	}, signature.Bad, false},
	"no signing flag": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		for _, identity := range key.Entity.Identities {
			identity.SelfSignature.FlagSign = false
		}
		key.Extend(0) // Signs the flags.
		return key, key.Sign(payload)
	}, signature.Bad, false},
	"expired by itself": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{})
		seconds := uint32(60)
		direct := &packet.Signature{
			Version: 4, SigType: packet.SigTypeDirectSignature, PubKeyAlgo: key.Entity.PrimaryKey.PubKeyAlgo, Hash: crypto.SHA512,
			CreationTime: key.Entity.PrimaryKey.CreationTime, IssuerKeyId: &key.Entity.PrimaryKey.KeyId, KeyLifetimeSecs: &seconds,
		}
		if err := direct.SignDirectKeyBinding(key.Entity.PrimaryKey, key.Entity.PrivateKey, nil); err != nil {
			t.Fatal(err)
		}
		key.Direct = direct
		return key, key.Sign(payload)
	}, signature.ExpiredKey, false},
	"one name expired": {func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, testkey.Options{Lifetime: 30 * time.Minute})
		if err := key.Entity.AddUserId("Later", "", "later@example.org", &packet.Config{
			DefaultHash: crypto.SHA512, KeyLifetimeSecs: 1 << 28, Time: func() time.Time { return time.Now().Add(-10 * time.Minute) },
		}); err != nil {
			t.Fatal(err)
		}
		return key, key.Sign(payload)
	}, signature.ExpiredKey, true},
}

func signed(o testkey.Options, change ...func(*packet.Signature)) func(*testing.T) (*testkey.Key, string) {
	return func(t *testing.T) (*testkey.Key, string) {
		key := testkey.New(t, o)
		return key, key.Sign(payload, change...)
	}
}

func otherKey(t *testing.T) *testkey.Key { return testkey.New(t, testkey.Options{}) }

func revoked(t *testing.T, reason packet.ReasonForRevocation) (*testkey.Key, string) {
	key := testkey.New(t, testkey.Options{})
	text := key.Sign(payload, made(time.Now().Add(-30*time.Minute)))
	if err := key.Entity.RevokeKey(reason, "", nil); err != nil {
		t.Fatal(err)
	}
	return key, text
}

func notation(critical bool) func(*packet.Signature) {
	return func(sig *packet.Signature) {
		sig.Notations = []*packet.Notation{{Name: "x@example.org", Value: []byte("y"), IsCritical: critical, IsHumanReadable: true}}
	}
}

// TestVerify holds Verify against the table, and against git verify-commit with a
// real gpg: what Verify calls good, gpg has to call good.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, text := c.make(t)
			got := signature.Verify([]byte(payload), text, parseKeys(t, key), time.Now())
			if got.State != c.want {
				t.Errorf("state %v, want %q", got, c.want)
			}
			good, said := verifyCommit(t, key.Public(), text)
			if good != c.gpg {
				t.Errorf("gpg calls it good: %v, want %v\n%s", good, c.gpg, said)
			}
			if got.State == signature.Good && !good {
				t.Errorf("Verify says good, and gpg does not:\n%s", said)
			}
		})
	}
}

// parseKeys returns the key as the repository has it, or none if gen does not take
// it.
func parseKeys(t *testing.T, key *testkey.Key) []*signature.Key {
	t.Helper()
	parsed, err := signature.ParseKey([]byte(key.Public()))
	if err != nil {
		t.Logf("the key is refused: %v", err)
		return nil
	}
	return []*signature.Key{parsed}
}

// verifyCommit asks Git, and gpg behind it, with a keyring that has one key.
func verifyCommit(t *testing.T, public, text string) (good bool, said string) {
	t.Helper()
	testkey.RequireGPG(t)
	dir, keyring := t.TempDir(), testkey.NewKeyring(t, "")
	keyring.Run(t, dir, public, "gpg", "--batch", "--import")
	keyring.Run(t, dir, "", "git", "init", "--quiet")
	head, message, _ := strings.Cut(payload, "\n\n")
	commit := head + "\n"
	if text != "" {
		commit += "gpgsig " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n ") + "\n"
	}
	id := strings.TrimSpace(keyring.Run(t, dir, commit+"\n"+message, "git", "hash-object", "-t", "commit", "-w", "--stdin"))
	cmd := keyring.Command(dir, "git", "verify-commit", "--verbose", id)
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// TestGPGKey signs with a key that gpg made, by gpg itself, and with its export.
func TestGPGKey(t *testing.T) {
	t.Parallel()
	testkey.RequireGPG(t)
	keyring := testkey.NewKeyring(t, "")
	keyring.Run(t, keyring.Home, "", "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "A <a@example.org>", "ed25519", "sign", "never")
	public := keyring.Run(t, keyring.Home, "", "gpg", "--armor", "--export", "a@example.org")
	key, err := signature.ParseKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	keys := []*signature.Key{key}
	keyring.Run(t, keyring.Home, payload, "gpg", "--batch", "--armor", "--detach-sign", "--output", filepath.Join(keyring.Home, "sig"), "--digest-algo", "SHA512", "-")
	text, err := os.ReadFile(filepath.Join(keyring.Home, "sig"))
	if err != nil {
		t.Fatal(err)
	}
	if got := signature.Verify([]byte(payload), string(text), keys, time.Now()); got.State != signature.Good || got.KeyID != key.ID() {
		t.Errorf("what gpg signed is %v", got)
	}
	secret := keyring.Run(t, keyring.Home, "", "gpg", "--batch", "--armor", "--export-secret-keys", key.ID())
	signer, err := signature.Open(signature.Options{
		Allowed: keys, Now: time.Now, Getenv: func(name string) string { return map[string]string{signature.KeyVariable: secret}[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	mine, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if good, said := verifyCommit(t, public, mine); !good {
		t.Errorf("gpg does not accept what gen signed:\n%s", said)
	}
}

// TestSHA1 has gpg make the signature, as the library no longer does.
func TestSHA1(t *testing.T) {
	t.Parallel()
	testkey.RequireGPG(t)
	keyring := testkey.NewKeyring(t, "")
	keyring.Run(t, keyring.Home, "", "gpg", "--batch", "--passphrase", "", "--quick-generate-key", "A <a@example.org>", "rsa2048", "sign", "never")
	key, err := signature.ParseKey([]byte(keyring.Run(t, keyring.Home, "", "gpg", "--armor", "--export", "a@example.org")))
	if err != nil {
		t.Fatal(err)
	}
	text := keyring.Run(t, keyring.Home, payload, "gpg", "--batch", "--armor", "--detach-sign", "--digest-algo", "SHA1", "-")
	got := signature.Verify([]byte(payload), text, []*signature.Key{key}, time.Now())
	if got.State != signature.Bad || !strings.Contains(got.Reason, "SHA-1") {
		t.Errorf("a SHA-1 signature is %v", got)
	}
	text = keyring.Run(t, keyring.Home, payload, "gpg", "--batch", "--armor", "--detach-sign", "--digest-algo", "SHA512", "-")
	if got := signature.Verify([]byte(payload), text, []*signature.Key{key}, time.Now()); got.State != signature.Good {
		t.Errorf("the same with SHA-512 is %v", got)
	}
}

// TestParseKey refuses what is no single usable key.
func TestParseKey(t *testing.T) {
	t.Parallel()
	a, b := otherKey(t), otherKey(t)
	var both bytes.Buffer
	w, err := armor.Encode(&both, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []*testkey.Key{a, b} {
		if err := key.Entity.Serialize(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                      "no armored block",
		"nonsense":              "no armored block",
		a.Secret():              "no armored block of PGP PUBLIC KEY BLOCK",
		a.Public() + b.Public(): "more than one armored block",
		both.String():           "holds 2 keys",
		testkey.New(t, testkey.Options{Algorithm: packet.PubKeyAlgoRSA, Bits: 1024}).Public(): "less than 2048 bits",
		testkey.New(t, testkey.Options{Algorithm: packet.PubKeyAlgoEd25519}).Public():         "of a kind",
	} {
		_, err := signature.ParseKey([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error %v, want %q", text, err, want)
		}
	}
}

// TestRepositoryKeys takes every key that this repository has.
func TestRepositoryKeys(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../argocd/bootstrap/keys/*.asc")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d keys, error %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := signature.ParseKey(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if key.ID()+".asc" != filepath.Base(name) {
			t.Errorf("%s holds the key %s", name, key.ID())
		}
	}
}
