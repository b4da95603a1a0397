package portal

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// The parameters of argon2id: what OWASP's cheat sheet on password storage gives for it, the
// second row: 19 MiB, two passes, one lane. A guess costs an attacker as much memory as it costs us.
const (
	hashMemory  = 19 << 10 // KiB
	hashPasses  = 2
	hashThreads = 1
	saltBytes   = 16
	hashBytes   = 32
)

// Each password that is being hashed holds hashMemory. So few are at once, some wait, and any
// more are turned away: a flood of sign-ins costs 38 MiB, not the pod's whole limit.
const (
	hashSlots = 2
	hashQueue = 32
	hashWait  = 5 * time.Second
)

// maxPassword is the longest password, in bytes.
const maxPassword = 1024

// ErrBusy says that too many passwords are being hashed.
var ErrBusy = errors.New("too many sign-ins at once")

// Hasher hashes and checks passwords. A hash is a PHC string, which carries its parameters, so
// they may change without old passwords becoming invalid:
//
//	$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
type Hasher struct {
	slots, queue chan struct{}
	dummy        string
}

// NewHasher makes a Hasher; a process has one.
func NewHasher() *Hasher {
	return &Hasher{
		slots: make(chan struct{}, hashSlots),
		queue: make(chan struct{}, hashSlots+hashQueue),
		// No password has this hash: it is not the result of anything.
		dummy: encode(hashMemory, hashPasses, hashThreads, make([]byte, saltBytes), make([]byte, hashBytes)),
	}
}

// enter waits for a slot; leave gives it back.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, ErrBusy
	}
}

// Hash makes the hash of a new password, of 1 to 1024 bytes. It may give ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	hash := argon2.IDKey([]byte(password), salt, hashPasses, hashMemory, hashThreads, hashBytes)
	return encode(hashMemory, hashPasses, hashThreads, salt, hash), nil
}

var errPassword = fmt.Errorf("a password has 1 to %d bytes", maxPassword)

func checkPassword(password string) error {
	if password == "" || len(password) > maxPassword {
		return errPassword
	}
	return nil
}

// Verify tells whether a password has this hash. For the hash "" of an account that does not
// exist it takes as long and says no. It may give ErrBusy, and an error for a hash that is not ours.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	exists := hash != ""
	if !exists {
		hash = h.dummy
	}
	memory, passes, threads, salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword {
		password, exists = password[:maxPassword], false
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && exists, nil
}

func encode(memory, passes uint32, threads uint8, salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, threads,
		b64.EncodeToString(salt), b64.EncodeToString(hash))
}

// decode reads what encode wrote, with parameters no larger than a few times today's.
func decode(text string) (memory, passes uint32, threads uint8, salt, hash []byte, err error) {
	bad := errors.New("a stored password hash is not understood") // without the hash itself
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return 0, 0, 0, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return 0, 0, 0, nil, nil, bad
	}
	if memory < 8 || memory > 1<<18 || passes < 1 || passes > 16 || threads < 1 || threads > 8 {
		return 0, 0, 0, nil, nil, bad
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	hash, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(hash) < 16 || len(hash) > 128 {
		return 0, 0, 0, nil, nil, bad
	}
	return memory, passes, threads, salt, hash, nil
}
