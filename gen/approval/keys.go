package approval

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/signature"
)

// KeyDir is the folder with the public keys of those who may approve, each in a
// file that is named by its id.
const KeyDir = "argocd/bootstrap/keys"

// Keys are those that a state of the repository names for an environment.
type Keys struct {
	// List is in the order of delivery.signatureKeys.
	List []*signature.Key
	// Problems are about ids that the environment names and that have no usable
	// file, and so may sign nothing.
	Problems []error
}

// LoadKeys returns the keys that a state names for an environment.
func LoadKeys(repo fs.FS, env *environment.Environment) (Keys, error) {
	var keys Keys
	for _, id := range env.Delivery.SignatureKeys {
		name := path.Join(KeyDir, id+".asc")
		data, err := fs.ReadFile(repo, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			keys.Problems = append(keys.Problems, fmt.Errorf("%s: there is no such file, though %s names the key", name, env.Name))
			continue
		case err != nil:
			return Keys{}, err
		}
		key, err := signature.ParseKey(data)
		if err == nil && key.ID() != id {
			err = fmt.Errorf("it holds the key %s", key.ID())
		}
		if err != nil {
			keys.Problems = append(keys.Problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		keys.List = append(keys.List, key)
	}
	return keys, nil
}

// Allowed returns the keys that may sign an approval: those of the commit that it
// approves which the release before it had too. For a first release, previous is
// nil.
//
// A key has to be in both, so that nobody brings a key in, and signs with it, in
// one step, and that none signs what takes it away. A rotation is three approvals:
// one that adds the new key, signed with the old; one signed with the new; one that
// removes the old, signed with the new.
//
// Who a key is, by its whole fingerprint, is for the release before to say; how it
// is now, with a later end or revoked, is for the commit itself. Otherwise nobody
// could approve any more once a key has expired, though its owner had given it more
// time: only the owner can say either.
func Allowed(own Keys, previous *Keys) []*signature.Key {
	if previous == nil {
		return own.List
	}
	var allowed []*signature.Key
	for _, key := range own.List {
		if slices.ContainsFunc(previous.List, func(k *signature.Key) bool { return k.Fingerprint() == key.Fingerprint() }) {
			allowed = append(allowed, key)
		}
	}
	return allowed
}
