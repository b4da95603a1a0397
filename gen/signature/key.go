package signature

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Key is the public key of somebody who may approve.
type Key struct {
	id     string
	entity *openpgp.Entity
	// direct is what the owner says of the key itself and not with one of its
	// names, or nil.
	direct *packet.Signature
}

// ParseKey reads a file of argocd/bootstrap/keys: one armored public key.
func ParseKey(armored []byte) (*Key, error) {
	body, err := decodeArmor(string(armored), openpgp.PublicKeyType)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	entity, err := readEntity(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := checkAlgorithm(entity.PrimaryKey); err != nil {
		return nil, err
	}
	direct, err := directSignature(data, entity.PrimaryKey)
	if err != nil {
		return nil, err
	}
	return &Key{id: entity.PrimaryKey.KeyIdString(), entity: entity, direct: direct}, nil
}

// directSignature returns the newest signature over the key itself, which the
// library leaves out for keys of version 4. Gpg believes the end that it gives.
func directSignature(data []byte, key *packet.PublicKey) (*packet.Signature, error) {
	var newest *packet.Signature
	packets := packet.NewReader(bytes.NewReader(data))
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			return newest, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it can't be read: %w", err)
		}
		sig, ok := p.(*packet.Signature)
		if !ok || sig.SigType != packet.SigTypeDirectSignature || !sig.CheckKeyIdOrFingerprint(key) {
			continue
		}
		if err := key.VerifyDirectKeySignature(sig); err != nil {
			return nil, fmt.Errorf("its signature over itself is wrong: %w", err)
		}
		if newest == nil || sig.CreationTime.After(newest.CreationTime) {
			newest = sig
		}
	}
}

// readEntity reads the only key that there is. Argo CD refuses a file with two,
// and gen would not know which of them was meant.
func readEntity(r io.Reader) (*openpgp.Entity, error) {
	list, err := openpgp.ReadKeyRing(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it can't be read: %w", err)
	case len(list) == 0:
		return nil, errors.New("it holds no key")
	case len(list) > 1:
		return nil, fmt.Errorf("it holds %d keys; write one per file", len(list))
	}
	return list[0], nil
}

// checkAlgorithm refuses keys that are weak, or that an older gpg, such as the one
// in Argo CD, does not know.
func checkAlgorithm(key *packet.PublicKey) error {
	if key.Version != 4 {
		return fmt.Errorf("the key is of version %d, which gpg does not know; make one of version 4", key.Version)
	}
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		public, ok := key.PublicKey.(*rsa.PublicKey)
		if ok && public.N.BitLen() >= 2048 {
			return nil
		}
		return errors.New("the key is RSA with less than 2048 bits; make one of ed25519")
	case packet.PubKeyAlgoECDSA:
		return nil
	case packet.PubKeyAlgoEdDSA:
		if curve, err := key.Curve(); err == nil && curve == packet.Curve25519 {
			return nil
		}
	}
	return errors.New("the key is of a kind that gen does not take; make one of ed25519")
}

// ID returns the last 16 digits of the fingerprint, as Argo CD and the contract
// write them.
func (k *Key) ID() string { return k.id }

// Fingerprint returns all digits. Two keys are the same if this is; an id alone can
// be forged with some effort.
func (k *Key) Fingerprint() string {
	return strings.ToUpper(hex.EncodeToString(k.entity.PrimaryKey.Fingerprint))
}

func (k *Key) hasSubkey(id uint64) bool {
	return slices.ContainsFunc(k.entity.Subkeys, func(sub openpgp.Subkey) bool { return sub.PublicKey.KeyId == id })
}

// KeyError says why a key can't sign.
type KeyError struct {
	State State
	Text  string
}

func (e *KeyError) Error() string { return e.Text }

// Usable returns a [KeyError] if the key is revoked, expired or not made for
// signing at the given time.
//
// A revocation counts whenever it was made: the reason for it may be that somebody
// else has the key, who would write an earlier date. What the names of a key say of
// it is taken together, so that the strictest counts.
func (k *Key) Usable(at time.Time) error {
	if len(k.entity.Revocations) > 0 {
		return &KeyError{RevokedKey, "its owner has revoked the key"}
	}
	says := k.selfSignatures()
	if len(says) == 0 {
		return &KeyError{RevokedKey, "its owner has revoked every name of the key"}
	}
	var ends time.Time
	for _, sig := range says {
		if sig != k.direct && !sig.FlagsValid || sig.FlagsValid && !sig.FlagSign {
			return &KeyError{Bad, "the primary key is not made for signing"}
		}
		for _, end := range []time.Time{
			after(k.entity.PrimaryKey.CreationTime, sig.KeyLifetimeSecs), after(sig.CreationTime, sig.SigLifetimeSecs),
		} {
			if !end.IsZero() && (ends.IsZero() || end.Before(ends)) {
				ends = end
			}
		}
	}
	if !ends.IsZero() && !at.Before(ends) {
		return &KeyError{ExpiredKey, "the key expired on " + date(ends)}
	}
	return nil
}

// selfSignatures returns what the owner says of the key now: in it, and with each
// name that is not revoked.
func (k *Key) selfSignatures() []*packet.Signature {
	var says []*packet.Signature
	for _, identity := range k.entity.Identities {
		if len(identity.Revocations) == 0 && identity.SelfSignature != nil {
			says = append(says, identity.SelfSignature)
		}
	}
	if len(says) > 0 && k.direct != nil {
		says = append(says, k.direct)
	}
	return says
}

// after returns the end of a number of seconds, or no time if there is none.
func after(start time.Time, seconds *uint32) time.Time {
	if seconds == nil || *seconds == 0 {
		return time.Time{}
	}
	return start.Add(time.Duration(*seconds) * time.Second)
}
