// Package signature signs approvals with OpenPGP and says whether such a
// signature holds.
//
// Argo CD asks git verify-commit, which asks gpg. Gen must come to the same
// answer without either, since it judges approvals in pipelines that have no
// keyring, and against the keys that a commit names and not those that somebody
// once imported. Where gpg says no, [Verify] says no. It also says no where gpg
// says yes in these cases, and each is refused because Argo CD would refuse it, or
// because nobody needs it and an attacker might:
//
//   - a subkey signed: Argo CD compares the id of the key that signed with those
//     that may, and lists primary keys alone;
//   - SHA-1 or another hash below SHA-256: two commits can be made to share one;
//   - a key that is weak (RSA below 2048 bits, DSA) or of a kind that not every
//     gpg in use knows;
//   - a date ahead of the clock by more than a few minutes;
//   - a key one of whose names says that it has expired, whatever the others say.
//
// Text signatures, several signatures in one, and unknown critical notations are
// refused by both. The table in this package's tests holds each case against a real
// gpg.
//
// One difference is left to the caller: gpg knows the time of day only, while
// Verify is told the time to judge at, so that an approval stays good in the
// history after its key has expired.
package signature

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// State is what a signature is worth.
type State string

// Good is the only state in which a commit may be trusted.
const (
	Good State = "good"
	// Bad: the signature is not of this commit, or of a kind that is refused.
	Bad State = "bad"
	// UnknownKey: none of the keys that were asked for made it.
	UnknownKey State = "unknown key"
	// ExpiredKey: the signature is right, and its key had expired at the time of
	// judgement.
	ExpiredKey State = "expired key"
	// ExpiredSignature: the signature itself was made to end.
	ExpiredSignature State = "expired signature"
	// RevokedKey: the owner has taken the key back, whenever and why ever.
	RevokedKey State = "revoked key"
	// Unsigned: there is no signature.
	Unsigned State = "unsigned"
)

// Result says what a signature is worth, and why.
type Result struct {
	State State `json:"state"`
	// KeyID is the id of the key that signed, as far as the signature tells. It is
	// proven only if the state is neither Bad nor UnknownKey.
	KeyID string `json:"keyID,omitempty"`
	// Reason says more about a state that is not good.
	Reason string `json:"reason,omitempty"`
	// Made is the date in the signature, which the signer chose.
	Made time.Time `json:"-"`
}

// String returns the state with what is known about it.
func (r Result) String() string {
	text := string(r.State)
	if r.KeyID != "" {
		text += " " + r.KeyID
	}
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

// skew is how far the clocks of two machines may be apart.
const skew = 10 * time.Minute

// hashes are those that may be signed.
var hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}

// Verify says what an armored, detached signature of payload is worth, if any of
// the keys may sign, at the given time.
func Verify(payload []byte, signature string, keys []*Key, at time.Time) Result {
	if signature == "" {
		return Result{State: Unsigned}
	}
	sig, err := parse(signature)
	if err != nil {
		return Result{State: Bad, Reason: err.Error()}
	}
	result := Result{State: Bad, Made: sig.CreationTime.UTC()}
	if sig.IssuerKeyId == nil {
		result.Reason = "it names no key"
		return result
	}
	result.KeyID = formatID(*sig.IssuerKeyId)
	var key *Key
	for _, k := range keys {
		if k.id == result.KeyID {
			key = k
		} else if k.hasSubkey(*sig.IssuerKeyId) {
			result.State = UnknownKey
			result.Reason = fmt.Sprintf("a subkey of %s signed, and Argo CD accepts primary keys only", k.id)
			return result
		}
	}
	if key == nil {
		result.State = UnknownKey
		return result
	}
	if err := checkKind(sig); err != nil {
		result.Reason = err.Error()
		return result
	}
	if err := checkData(payload, sig, key); err != nil {
		result.Reason = err.Error()
		return result
	}
	switch {
	case sig.CreationTime.Before(key.entity.PrimaryKey.CreationTime):
		result.Reason = "it is older than its key"
	case sig.CreationTime.After(at.Add(skew)):
		result.Reason = "it is of the future, " + date(sig.CreationTime)
	default:
		result.State, result.Reason = key.state(sig, at)
	}
	return result
}

// state returns the state of a signature that the key has made.
func (k *Key) state(sig *packet.Signature, at time.Time) (State, string) {
	if sig.SigLifetimeSecs != nil && *sig.SigLifetimeSecs != 0 {
		end := sig.CreationTime.Add(time.Duration(*sig.SigLifetimeSecs) * time.Second)
		if !at.Before(end) {
			return ExpiredSignature, "it ended on " + date(end)
		}
	}
	var problem *KeyError
	if err := k.Usable(at); errors.As(err, &problem) {
		return problem.State, problem.Text
	}
	return Good, ""
}

// parse reads what has to be one signature and nothing else: gpg verifies all
// that there are, and Git is content with what it makes of that.
func parse(armored string) (*packet.Signature, error) {
	body, err := decodeArmor(armored, "PGP SIGNATURE")
	if err != nil {
		return nil, err
	}
	packets := packet.NewOpaqueReader(body)
	first, err := packets.Next()
	if err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one signature")
	}
	parsed, err := first.Parse()
	if err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok {
		return nil, errors.New("it holds no signature")
	}
	return sig, nil
}

// decodeArmor returns what is in the one block of armor that text consists of.
func decodeArmor(text, kind string) (io.Reader, error) {
	const begin = "-----BEGIN "
	trimmed := strings.TrimSpace(text)
	if !strings.HasPrefix(trimmed, begin+kind+"-----") || !strings.HasSuffix(trimmed, "-----END "+kind+"-----") {
		return nil, fmt.Errorf("it is no armored block of %s", kind)
	}
	if strings.Count(trimmed, begin) != 1 {
		return nil, errors.New("it has more than one armored block")
	}
	block, err := armor.Decode(strings.NewReader(trimmed + "\n"))
	if err != nil {
		return nil, fmt.Errorf("its armor can't be read: %w", err)
	}
	return block.Body, nil
}

func checkKind(sig *packet.Signature) error {
	switch {
	case sig.Version != 4:
		return fmt.Errorf("it is of version %d, and only 4 is known everywhere", sig.Version)
	case sig.SigType != packet.SigTypeBinary:
		return errors.New("it is no signature of binary data")
	case !slices.Contains(hashes, sig.Hash):
		return fmt.Errorf("it is made with %v, which is refused: sign with SHA-256 or SHA-512", sig.Hash)
	}
	for _, notation := range sig.Notations {
		if notation.IsCritical {
			return fmt.Errorf("it has the critical notation %q, which gen does not know", notation.Name)
		}
	}
	return nil
}

// checkData does the arithmetic.
func checkData(payload []byte, sig *packet.Signature, key *Key) error {
	hash, err := sig.PrepareVerify()
	if err != nil {
		return fmt.Errorf("it can't be verified: %w", err)
	}
	_, _ = hash.Write(payload)
	if err := key.entity.PrimaryKey.VerifySignature(hash, sig); err != nil {
		return errors.New("it is not of what was signed")
	}
	return nil
}

func formatID(id uint64) string { return fmt.Sprintf("%016X", id) }

// date writes a time for people.
func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
