// Package testkey makes OpenPGP keys for tests.
package testkey

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Key is a secret key.
type Key struct {
	Entity *openpgp.Entity
	// Direct, if not nil, is a signature over the key itself to publish with it.
	Direct *packet.Signature
}

// Options say how a key is made. The zero value is an ed25519 key that was made an
// hour ago and never expires.
type Options struct {
	Name      string
	Created   time.Time
	Lifetime  time.Duration
	Algorithm packet.PublicKeyAlgorithm
	Bits      int
	Curve     packet.Curve
	// Seed, if not "", makes the same ed25519 key each time, where the output of a
	// command is compared with what it was.
	Seed string
}

// New makes a key for a test.
func New(t testing.TB, o Options) *Key {
	t.Helper()
	key, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Make makes a key. What goes wrong with it later panics.
func Make(o Options) (*Key, error) {
	if o.Name == "" {
		o.Name = "Approvals"
	}
	if o.Created.IsZero() {
		o.Created = time.Now().Add(-time.Hour)
	}
	if o.Algorithm == 0 {
		o.Algorithm = packet.PubKeyAlgoEdDSA
	}
	var random io.Reader
	if o.Seed != "" {
		random = rand.NewChaCha8(sha256.Sum256([]byte(o.Seed)))
	}
	entity, err := openpgp.NewEntity(o.Name, "", "approvals@example.org", &packet.Config{
		Algorithm: o.Algorithm, RSABits: o.Bits, KeyLifetimeSecs: uint32(o.Lifetime / time.Second), DefaultHash: crypto.SHA512,
		Curve: o.Curve, Rand: random,
		Time: func() time.Time { return o.Created },
	})
	if err != nil {
		return nil, err
	}
	return &Key{Entity: entity}, nil
}

// ID returns the id of the primary key.
func (k *Key) ID() string { return k.Entity.PrimaryKey.KeyIdString() }

// Public returns the public key, armored.
func (k *Key) Public() string {
	return k.armored(openpgp.PublicKeyType, func(w io.Writer) error {
		if k.Direct == nil {
			return k.Entity.Serialize(w)
		}
		// It stands between the key and its names.
		var whole, key bytes.Buffer
		if err := errors.Join(k.Entity.Serialize(&whole), k.Entity.PrimaryKey.Serialize(&key)); err != nil {
			return err
		}
		if err := k.Direct.Serialize(&key); err != nil {
			return err
		}
		_, err := w.Write(append(key.Bytes(), whole.Bytes()[primaryLength(k.Entity):]...))
		return err
	})
}

// primaryLength returns how many bytes the primary key takes.
func primaryLength(e *openpgp.Entity) int {
	var key bytes.Buffer
	_ = e.PrimaryKey.Serialize(&key)
	return key.Len()
}

// Secret returns the secret key, armored.
func (k *Key) Secret() string {
	return k.armored(openpgp.PrivateKeyType, func(w io.Writer) error { return k.Entity.SerializePrivateWithoutSigning(w, nil) })
}

// Protected returns the secret key, armored and encrypted with a passphrase.
func (k *Key) Protected(passphrase string) string {
	entity, err := openpgp.ReadArmoredKeyRing(bytes.NewReader([]byte(k.Secret())))
	if err == nil {
		err = entity[0].EncryptPrivateKeys([]byte(passphrase), nil)
	}
	if err != nil {
		panic(err)
	}
	return (&Key{Entity: entity[0]}).Secret()
}

// Extend moves the end of the key, as its owner does: 0 is never.
func (k *Key) Extend(lifetime time.Duration) {
	for _, identity := range k.Entity.Identities {
		seconds := uint32(lifetime / time.Second)
		identity.SelfSignature.KeyLifetimeSecs = &seconds
		identity.SelfSignature.CreationTime = identity.SelfSignature.CreationTime.Add(time.Second)
		if err := identity.SelfSignature.SignUserId(identity.UserId.Id, k.Entity.PrimaryKey, k.Entity.PrivateKey, nil); err != nil {
			panic(err)
		}
	}
}

// Sign returns an armored signature of data that the primary key makes, after
// change has had its way with it.
func (k *Key) Sign(data string, change ...func(*packet.Signature)) string {
	return k.armored(openpgp.SignatureType, func(w io.Writer) error {
		return k.Packet(data, change...).Serialize(w)
	})
}

// Packet is Sign without the armor.
func (k *Key) Packet(data string, change ...func(*packet.Signature)) *packet.Signature {
	return sign(k.Entity.PrivateKey, data, change...)
}

// SignWithSubkey is Sign with a subkey made for it.
func (k *Key) SignWithSubkey(data string) string {
	created := k.Entity.PrimaryKey.CreationTime
	err := k.Entity.AddSigningSubkey(&packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512, Time: func() time.Time { return created },
	})
	if err != nil {
		panic(err)
	}
	secret := k.Entity.Subkeys[len(k.Entity.Subkeys)-1].PrivateKey
	return k.armored(openpgp.SignatureType, func(w io.Writer) error { return sign(secret, data).Serialize(w) })
}

func sign(secret *packet.PrivateKey, data string, change ...func(*packet.Signature)) *packet.Signature {
	sig := &packet.Signature{
		Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: secret.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: time.Now(), IssuerKeyId: &secret.KeyId, IssuerFingerprint: secret.Fingerprint,
	}
	for _, c := range change {
		c(sig)
	}
	hash, err := sig.PrepareSign(nil)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(hash, data)
	if err := sig.Sign(hash, secret, nil); err != nil {
		panic(err)
	}
	return sig
}

// Armor wraps signatures in one block.
func (k *Key) Armor(signatures ...*packet.Signature) string {
	return k.armored(openpgp.SignatureType, func(w io.Writer) error {
		for _, sig := range signatures {
			if err := sig.Serialize(w); err != nil {
				return err
			}
		}
		return nil
	})
}

func (k *Key) armored(kind string, write func(io.Writer) error) string {
	var text bytes.Buffer
	w, err := armor.Encode(&text, kind, nil)
	if err == nil {
		err = write(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return text.String() + "\n"
}
