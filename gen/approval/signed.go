package approval

import (
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
)

// Sign says what the signature of an approval is worth, given the one before it, or
// nil for the first.
//
// A key that has expired since counts as it was when it signed: the history must
// not turn bad as time passes. Whether Argo CD accepts the newest approval today is
// another question; see [Verifier.Current].
func (v *Verifier) Sign(a, previous *Approval) error {
	keys, err := v.KeysFor(a.Record.Commit, previous)
	if err != nil {
		return err
	}
	a.Signed = signature.Verify(a.Payload, a.Signature, keys, v.Now)
	if a.Signed.State == signature.ExpiredKey {
		if then := signature.Verify(a.Payload, a.Signature, keys, a.Signed.Made); then.State == signature.Good {
			a.Signed = then
		}
	}
	return nil
}

// Current says what the signature of the newest approval is worth today, as Argo CD
// would find if it had the keys that the approval names.
func (v *Verifier) Current(tip, previous *Approval) (signature.Result, error) {
	keys, err := v.KeysFor(tip.Record.Commit, previous)
	if err != nil {
		return signature.Result{}, err
	}
	return signature.Verify(tip.Payload, tip.Signature, keys, v.Now), nil
}

// KeysFor returns the keys that may sign an approval of a commit after the previous
// one, which is nil for the first; see [Allowed].
func (v *Verifier) KeysFor(approved string, previous *Approval) ([]*signature.Key, error) {
	own, err := v.keysAt(approved)
	if err != nil {
		return nil, err
	}
	if previous == nil {
		return Allowed(own, nil), nil
	}
	before, err := v.keysAt(previous.Record.Commit)
	if err != nil {
		return nil, err
	}
	return Allowed(own, &before), nil
}

// keysAt returns the keys that a commit names for the environment.
func (v *Verifier) keysAt(id string) (Keys, error) {
	v.mu.Lock()
	known, ok := v.keys[id]
	v.mu.Unlock()
	if ok {
		return known, nil
	}
	repo, err := v.Files.Resolve(id)
	if err != nil {
		return Keys{}, err
	}
	set, err := environment.Load(repo, []string{v.Environment})
	if err != nil {
		return Keys{}, fmt.Errorf("reading which keys may sign from %s at %s: %w", v.Environment, revision.Short(id), err)
	}
	keys, err := LoadKeys(repo, set.Environments[0])
	if err != nil {
		return Keys{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys == nil {
		v.keys = map[string]Keys{}
	}
	v.keys[id] = keys
	return keys, nil
}

// prepare reads the keys of all approved commits, several at once: loading an
// environment takes longer than all else about an approval.
func (v *Verifier) prepare(approvals []*Approval) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	asked := map[string]bool{}
	for _, a := range approvals {
		if id := a.Record.Commit; a.Problem == nil && !asked[id] {
			asked[id] = true
			group.Go(func() error {
				_, _ = v.keysAt(id) // Whoever needs them gets to know why there are none.
				return nil
			})
		}
	}
	_ = group.Wait()
}
