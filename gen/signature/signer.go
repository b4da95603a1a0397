package signature

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The variables that a pipeline has a key in. KeyVariable holds the armored secret
// key, or the path of a file with it, as GitLab's variables of type file do.
const (
	KeyVariable        = "GEN_SIGNING_KEY"
	PassphraseVariable = "GEN_SIGNING_PASSPHRASE"
)

// Signer signs with one key that may approve.
type Signer struct {
	key  *Key
	sign func(data []byte) (string, error)
	now  func() time.Time
	// from says where the secret key comes from, for errors.
	from string
}

// KeyID returns the id of the key: 16 digits, those above 9 in capitals.
func (s *Signer) KeyID() string { return s.key.id }

// From says where the secret key is, such as "GEN_SIGNING_KEY" or "gpg".
func (s *Signer) From() string { return s.from }

// Sign returns an armored, detached signature of data.
//
// It is verified before it is returned: what can't be trusted must not be written
// either, whatever made it.
func (s *Signer) Sign(data []byte) (string, error) {
	text, err := s.sign(data)
	if err != nil {
		return "", fmt.Errorf("signing with %s: %w", s.from, err)
	}
	if result := Verify(data, text, []*Key{s.key}, s.now()); result.State != Good {
		return "", fmt.Errorf("signing with %s: the signature turns out to be no good: %s", s.from, result)
	}
	return text, nil
}

// Options say where to look for a secret key.
type Options struct {
	// File is a file with an armored secret key, or "".
	File string
	// Getenv reads the environment of the process.
	Getenv func(string) string
	// Dir is the folder that relative paths start from.
	Dir string
	// Now reads the clock.
	Now func() time.Time
	// Allowed are the keys that may sign, in order of preference.
	Allowed []*Key
}

// Open finds the secret key: in the file, in the variable [KeyVariable], or with
// gpg, in this order. It fails if the key can't make a signature that is good now,
// so that a command knows before it writes anything.
func Open(o Options) (*Signer, error) {
	if len(o.Allowed) == 0 {
		return nil, errors.New("no key may sign")
	}
	var s *Signer
	var err error
	text := o.Getenv(KeyVariable)
	switch {
	case o.File != "":
		s, err = fromFile(o, o.File, o.File)
	case strings.Contains(text, "-----BEGIN "):
		s, err = fromText(o, []byte(text), KeyVariable)
	case text != "":
		s, err = fromFile(o, strings.TrimSpace(text), KeyVariable)
	default:
		s, err = fromGPG(o)
	}
	if err != nil {
		return nil, err
	}
	if err := s.key.Usable(o.Now()); err != nil {
		return nil, fmt.Errorf("the key %s can't sign: %w", s.key.id, err)
	}
	s.now = o.Now
	return s, nil
}

func fromFile(o Options, name, from string) (*Signer, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(o.Dir, name)
	}
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist) && from == KeyVariable:
		// What it holds may be a secret, if not one that can be read as a key.
		return nil, fmt.Errorf("%s holds neither an armored secret key nor the path of a file that is there", from)
	case err != nil && from == KeyVariable:
		return nil, fmt.Errorf("%s names a file that can't be read: %w", from, err)
	case err != nil:
		return nil, fmt.Errorf("the key can't be read: %w", err)
	}
	return fromText(o, data, from)
}

// fromText takes an armored secret key.
func fromText(o Options, text []byte, from string) (*Signer, error) {
	if strings.Contains(string(text), "-----BEGIN "+openpgp.PublicKeyType) {
		return nil, fmt.Errorf("%s holds a public key, and signing takes the secret one: gpg --armor --export-secret-keys KEYID", from)
	}
	body, err := decodeArmor(string(text), openpgp.PrivateKeyType)
	if err != nil {
		return nil, fmt.Errorf("%s holds no secret key: %w; export one with gpg --armor --export-secret-keys KEYID", from, err)
	}
	entity, err := readEntity(body)
	if err != nil {
		return nil, fmt.Errorf("%s holds no secret key: %w", from, err)
	}
	key, err := choose(entity, o.Allowed, from)
	if err != nil {
		return nil, err
	}
	secret := entity.PrivateKey
	if secret == nil || secret.Dummy() {
		return nil, fmt.Errorf("%s holds subkeys of %s only, and Argo CD accepts what the primary key signed: gpg --armor --export-secret-keys %s",
			from, key.id, key.id)
	}
	if secret.Encrypted {
		passphrase := o.Getenv(PassphraseVariable)
		if passphrase == "" {
			return nil, fmt.Errorf("the key of %s has a passphrase; set %s", from, PassphraseVariable)
		}
		if err := secret.Decrypt([]byte(passphrase)); err != nil {
			return nil, fmt.Errorf("the passphrase in %s does not open the key of %s", PassphraseVariable, from)
		}
	}
	return &Signer{key: key, from: from, sign: func(data []byte) (string, error) { return signWith(secret, data, o.Now()) }}, nil
}

// choose returns the allowed key that a secret key is of. Only what the repository
// says of the key counts, and not what came with the secret.
func choose(entity *openpgp.Entity, allowed []*Key, from string) (*Key, error) {
	i := slices.IndexFunc(allowed, func(k *Key) bool { return bytes.Equal(k.entity.PrimaryKey.Fingerprint, entity.PrimaryKey.Fingerprint) })
	if i < 0 {
		return nil, fmt.Errorf("%s holds the key %s, which may not sign here; %s may", from, entity.PrimaryKey.KeyIdString(), listIDs(allowed))
	}
	return allowed[i], nil
}

func listIDs(keys []*Key) string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.id)
	}
	return strings.Join(ids, ", ")
}

// signWith makes a signature as gpg does, with the primary key.
func signWith(secret *packet.PrivateKey, data []byte, now time.Time) (string, error) {
	sig := &packet.Signature{
		Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: secret.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: now, IssuerKeyId: &secret.KeyId, IssuerFingerprint: secret.Fingerprint,
	}
	// A salt would be one more notation, for signers that fear faults while signing.
	config := &packet.Config{NonDeterministicSignaturesViaNotation: packet.BoolPointer(false)}
	hash, err := sig.PrepareSign(config)
	if err != nil {
		return "", err
	}
	_, _ = hash.Write(data)
	if err := sig.Sign(hash, secret, config); err != nil {
		return "", err
	}
	var text bytes.Buffer
	w, err := armor.Encode(&text, openpgp.SignatureType, nil)
	if err != nil {
		return "", err
	}
	if err := errors.Join(sig.Serialize(w), w.Close()); err != nil {
		return "", err
	}
	_, _ = io.WriteString(&text, "\n")
	return text.String(), nil
}
